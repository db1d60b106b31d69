"""Playbooks that set machines up. Answers /health on PORT, 8000 unless set."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml
from ansible.release import __version__ as ansible_version
from jinja2 import Template

PLAYBOOK = Path(__file__).with_name("playbook.yml")


def plays() -> list[str]:
    """The names of the plays, with the environment filled in."""
    text = Template(PLAYBOOK.read_text()).render(environment=os.environ.get("ENVIRONMENT", "dev"))
    return [play["name"] for play in yaml.safe_load(text)]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path != "/health":
            self.send_error(404)
            return
        body = json.dumps({"service": "infrastructure", "ok": bool(plays()), "ansible": ansible_version})
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body.encode())


if __name__ == "__main__":
    port = int(os.environ.get("PORT", "8000"))
    print(f"starting on {port}: {', '.join(plays())}", flush=True)
    ThreadingHTTPServer(("0.0.0.0", port), Handler).serve_forever()
