"""The service that runs the agents. Serves on PORT, 8000 unless set."""

from typing import TypedDict

import uvicorn
from ansible.release import __version__ as ansible_version
from fastapi import FastAPI
from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.graph import END, START, StateGraph
from pydantic_settings import BaseSettings
from shared import Health, logger

MODELS = {"openai": ChatOpenAI, "anthropic": ChatAnthropic}
CHECKPOINTS = PostgresSaver


class Settings(BaseSettings):
    port: int = 8000


class State(TypedDict):
    question: str
    answer: str


def answer(state: State) -> dict[str, str]:
    return {"answer": state["question"].upper()}


def graph():
    """One node, which needs no model: enough to see that the graph runs."""
    g = StateGraph(State)
    g.add_node("answer", answer)
    g.add_edge(START, "answer")
    g.add_edge("answer", END)
    return g.compile()


settings = Settings()
log = logger("langgraph")
agent = graph()
app = FastAPI(title="langgraph")


@app.get("/health")
async def health() -> Health:
    result = await agent.ainvoke({"question": "ok", "answer": ""})
    return Health(service="langgraph", ok=result["answer"] == "OK")


if __name__ == "__main__":
    log.info("starting", port=settings.port, models=sorted(MODELS), ansible=ansible_version)
    uvicorn.run(app, host="0.0.0.0", port=settings.port)
