# Two stages: the first builds the environment, the second holds only it and runs as nobody in particular.
FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN python -m venv /opt/qbo-sync
# One lock for everybody: it holds the development tools as well, and every hash is checked.
COPY requirements.lock ./
RUN /opt/qbo-sync/bin/pip install --require-hashes -r requirements.lock
COPY pyproject.toml README.md ./
COPY mappings mappings
COPY service service
COPY fixtures fixtures
RUN /opt/qbo-sync/bin/pip install --no-deps --no-build-isolation .

FROM python:3.11-slim
ENV PATH=/opt/qbo-sync/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# A number and not a name, so that an orchestrator can see that it is not root.
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/qbo-sync qbo-sync \
    && install -d -o qbo-sync -g qbo-sync /var/lib/qbo-sync/var
COPY --from=build /opt/qbo-sync /opt/qbo-sync
USER 10001
WORKDIR /var/lib/qbo-sync
# SQLite keeps its file in ./var by default; mount a volume there, or name a PostgreSQL in DATABASE_URL. Nothing else is
# written but to /tmp: the root may be read-only.
VOLUME /var/lib/qbo-sync/var
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["python", "-c", \
    "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["qbo-sync"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
