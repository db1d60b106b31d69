"""Passes messages on. Answers /health on PORT, 8000 unless set.

Without TELEGRAM_TOKEN it answers the health check and talks to nobody."""

import asyncio

import structlog
from aiogram import Bot, Dispatcher
from aiogram.types import Message
from aiohttp import web
from pydantic_settings import BaseSettings
from redis.asyncio import Redis


class Settings(BaseSettings):
    port: int = 8000
    redis_url: str = "redis://redis"
    telegram_token: str = ""


settings = Settings()
log = structlog.get_logger().bind(service="telegram_bot")
redis = Redis.from_url(settings.redis_url)  # connects when it is first used
dispatcher = Dispatcher()


@dispatcher.message()
async def pass_on(message: Message) -> None:
    await redis.publish("messages", message.text or "")


async def health(_: web.Request) -> web.Response:
    return web.json_response({"service": "telegram_bot", "ok": True})


async def main() -> None:
    app = web.Application()
    app.router.add_get("/health", health)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, port=settings.port).start()
    log.info("starting", port=settings.port, token=bool(settings.telegram_token))
    if settings.telegram_token:
        await dispatcher.start_polling(Bot(settings.telegram_token))
    else:
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
