"""What the clients talk to. Serves on PORT, 8000 unless set."""

import uvicorn
from fastapi import FastAPI
from pydantic_settings import BaseSettings
from redis.asyncio import Redis
from shared import Health, logger
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine


class Settings(BaseSettings):
    port: int = 8000
    database_url: str = "postgresql+asyncpg://postgres@postgres/postgres"
    redis_url: str = "redis://redis"


settings = Settings()
log = logger("api")
engine = create_async_engine(settings.database_url)  # both connect when they are first used
redis = Redis.from_url(settings.redis_url)
app = FastAPI(title="api")


@app.get("/health")
async def health() -> Health:
    return Health(service="api")


@app.get("/visits")
async def visits() -> dict[str, int | str]:
    async with engine.connect() as connection:
        now = await connection.scalar(text("select now()::text"))
    return {"now": now, "visits": await redis.incr("visits")}


if __name__ == "__main__":
    log.info("starting", port=settings.port)
    uvicorn.run(app, host="0.0.0.0", port=settings.port)
