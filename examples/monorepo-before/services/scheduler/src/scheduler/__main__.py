"""Starts what is due. Answers /health on PORT, 8000 unless set."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from apscheduler.schedulers.background import BackgroundScheduler
from pydantic_settings import BaseSettings
from redis import Redis
from shared import Health, logger


class Settings(BaseSettings):
    port: int = 8000
    redis_url: str = "redis://redis"


settings = Settings()
log = logger("scheduler")
redis = Redis.from_url(settings.redis_url)  # connects when it is first used
scheduler = BackgroundScheduler()


@scheduler.scheduled_job("interval", minutes=1)
def tick() -> None:
    redis.publish("ticks", "tick")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path != "/health":
            self.send_error(404)
            return
        body = Health(service="scheduler", ok=scheduler.running).model_dump_json().encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    scheduler.start()
    log.info("starting", port=settings.port, jobs=len(scheduler.get_jobs()))
    ThreadingHTTPServer(("0.0.0.0", settings.port), Handler).serve_forever()
