# What all images start from: the Python that the locks are for, a user that is
# not root, and no bytecode or buffered output. `make build-base` builds it.
FROM python:3.12-slim
ENV PYTHONUNBUFFERED=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore
RUN useradd --create-home --uid 1000 app
WORKDIR /app
