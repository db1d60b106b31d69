"""Starts workers in containers and clusters. Answers /health on PORT, 8000 unless set."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import docker
import structlog
from kubernetes import client as kubernetes
from pydantic_settings import BaseSettings
from redis import Redis


class Settings(BaseSettings):
    port: int = 8000
    redis_url: str = "redis://redis"


settings = Settings()
log = structlog.get_logger().bind(service="worker-spawner")
redis = Redis.from_url(settings.redis_url)  # connects when it is first used


def pod(image: str) -> dict:
    """The manifest of a worker."""
    container = kubernetes.V1Container(name="worker", image=image)
    spec = kubernetes.V1PodSpec(containers=[container], restart_policy="Never")
    manifest = kubernetes.V1Pod(metadata=kubernetes.V1ObjectMeta(generate_name="worker-"), spec=spec)
    return kubernetes.ApiClient().sanitize_for_serialization(manifest)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path != "/health":
            self.send_error(404)
            return
        body = json.dumps({"service": "worker-spawner", "ok": pod("worker")["spec"]["restartPolicy"] == "Never"})
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body.encode())


if __name__ == "__main__":
    regions = boto3.session.Session().get_available_regions("ecs")
    log.info("starting", port=settings.port, docker=docker.__version__, regions=len(regions))
    ThreadingHTTPServer(("0.0.0.0", settings.port), Handler).serve_forever()
