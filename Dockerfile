# An image to run AlignFreeze in, on a CPU or a GPU (docs/projects.md):
#   docker build -t alignfreeze .
#   docker build -t alignfreeze:cuda --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu130 .
ARG BASE=python:3.12-slim-bookworm
# hadolint ignore=DL3006
FROM ${BASE}

# Wheels of torch: for CPUs by default; those for CUDA bring its libraries along, so that the host
# needs nothing but its driver. A base with CUDA and Python 3.11 to 3.13 does as well.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG EXTRAS=postgresql

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1 \
    MLFLOW_DISABLE_TELEMETRY=true

# MLflow asks git which commit a project is of.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home --uid 1000 alignfreeze \
    && install --directory --owner=alignfreeze /data /cache /mlruns /opt/venv
USER 1000
WORKDIR /home/alignfreeze

RUN python3 -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH

# Torch first: what changes with the code is then a small layer.
COPY --chown=alignfreeze constraints.txt project/
RUN pip install --constraint project/constraints.txt --index-url "${TORCH_INDEX}" \
    --extra-index-url https://pypi.org/simple torch

COPY --chown=alignfreeze . project
RUN pip install --constraint project/constraints.txt "./project[${EXTRAS}]"

# What lasts: models of the hub, what is computed once, and the tracking store.
ENV HF_HOME=/cache/huggingface ALIGNFREEZE_CACHE=/cache/alignfreeze \
    MLFLOW_TRACKING_URI=sqlite:////mlruns/mlflow.db
VOLUME ["/cache", "/mlruns"]
WORKDIR /mlruns
# No ENTRYPOINT: `mlflow run` with docker_env gives the whole command.
CMD ["alignfreeze", "--help"]
