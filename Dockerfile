# syntax=docker/dockerfile:1
# restoreflow for machines without a GPU, its models inside. Build it, then restore a folder:
#
#   docker build --tag restoreflow .
#   docker run --rm --user "$(id -u):$(id -g)" --volume "$PWD:/pictures" restoreflow sr photo.jpg

FROM python:3.13-slim-bookworm AS wheel
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheel .

FROM python:3.13-slim-bookworm
LABEL org.opencontainers.image.title="restoreflow" \
      org.opencontainers.image.description="Photograph restoration with bounded normalizing flows" \
      org.opencontainers.image.source="https://github.com/restoreflow/restoreflow" \
      org.opencontainers.image.licenses="Apache-2.0"

# PyTorch comes first, from its own index: the package index has it with CUDA alone.
RUN --mount=type=bind,source=constraints.txt,target=/constraints.txt \
    pip install --no-cache-dir --constraint /constraints.txt \
        --index-url https://download.pytorch.org/whl/cpu torch
RUN --mount=type=bind,source=constraints.txt,target=/constraints.txt \
    --mount=type=bind,from=wheel,source=/wheel,target=/wheel \
    pip install --no-cache-dir --constraint /constraints.txt /wheel/*.whl \
    && useradd --uid 1000 --create-home restoreflow

# Whatever user runs it can write what is fetched and compiled there.
ENV HOME=/tmp \
    PYTHONUNBUFFERED=1
USER 1000
WORKDIR /pictures
ENTRYPOINT ["restoreflow"]
CMD ["--help"]
