"""How gunicorn serves us: `gunicorn --config python:config.gunicorn config.wsgi`."""

import os

bind = os.environ.get("BIND", "127.0.0.1:8000")
workers = int(os.environ.get("WEB_PROCESSES", "2"))
worker_class = "config.web_worker.Worker"
logger_class = "config.web_worker.Log"
threads = int(os.environ.get("WEB_THREADS", "16"))
timeout = 60
graceful_timeout = 20
limit_request_line = 8190
limit_request_fields = 64
limit_request_field_size = 8190
# config.middleware logs each request, without what the client sent.
accesslog = None
# A second way in, which nothing of ours uses.
control_socket_disable = True
