"""`python -m stage`: serve a local AWS in the foreground until SIGTERM or Ctrl-C."""

import argparse
import gc
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

HERE = "127.0.0.1"
ROOT = Path(__file__).parent.parent
_LOOKS_FOR_ITS_END_SECONDS = 0.05


def main() -> int:
    """Returns the exit status: 0 when it was told to end, 1 when it could not begin."""
    arguments = _arguments()
    begun = time.perf_counter()
    gc.disable()  # nothing that is made before the stage is ready becomes garbage
    try:  # before anything slow is imported, so that a busy port is told at once
        server_socket = socket.create_server((arguments.host, arguments.port), backlog=128)
    except OSError as busy:
        reason = os.strerror(busy.errno or 0)
        sys.stderr.write(
            f"stage: cannot listen on {arguments.host}:{arguments.port}: {reason}; "
            "choose another port, as in: make stage PORT=5001\n"
        )
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    port = server_socket.getsockname()[1]
    endpoint = f"http://{HERE}:{port}"
    _forget_the_users_aws(port)

    from werkzeug.serving import make_server  # noqa: PLC0415 - see above

    from stage.gateway.server import RequestHandler  # noqa: PLC0415 - see above
    from stage.stage import STACK, Stage  # noqa: PLC0415 - see above

    with tempfile.TemporaryDirectory(prefix="stage-") as directory:
        stage = Stage(endpoint, arguments.template, ROOT / "examples/app", Path(directory), verbose=arguments.verbose)
        server = make_server(
            arguments.host, port, stage.front, threaded=True, request_handler=RequestHandler, fd=server_socket.fileno()
        )
        threading.Thread(target=server.serve_forever, args=(_LOOKS_FOR_ITS_END_SECONDS,), daemon=True).start()
        try:
            stage.open(bare=arguments.bare)
            if arguments.runtime == "sam":
                stage.run_functions_in_docker()
            gc.freeze()
            gc.set_threshold(10_000)  # a deployment makes many objects and next to no cycles
            gc.enable()
            app, stack = stage.app, "no stack" if arguments.bare else f"the stack {STACK}"
            sys.stdout.write(
                f"The stage is ready on {endpoint} after {time.perf_counter() - begun:.1f} s: {stack}, "
                f"the service {app.service} on the cluster {app.cluster}, the repository {app.repository}, "
                f"the bucket {stage.describe()['bucket']}; "
                f"see {endpoint}/_stage/\n"
                f"export AWS_ENDPOINT_URL={endpoint} AWS_ACCESS_KEY_ID=me AWS_SECRET_ACCESS_KEY=me "
                "AWS_DEFAULT_REGION=us-east-1 AWS_PAGER=\n"
            )
            sys.stdout.flush()
            while True:
                signal.pause()
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)
            server.shutdown()
            stage.close()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m stage", description="Serve a local AWS with Rota deployed in it.")
    port = os.environ.get("PORT", "5000")
    parser.add_argument("--port", type=int, default=port, help="0 takes a free one; default: $PORT, else 5000")
    parser.add_argument("--host", default=HERE, help=f"0.0.0.0 lets containers in, and the network; default: {HERE}")
    parser.add_argument("--template", type=Path, default=ROOT / "template.yaml", help="the SAM template to deploy")
    parser.add_argument(
        "--runtime",
        choices=("process", "sam"),
        default="process",
        help="where functions run: in processes of this Python, or by SAM CLI in Docker (with --host 0.0.0.0)",
    )
    parser.add_argument("--bare", action="store_true", help="deploy nothing: leave that to `sam deploy`")
    parser.add_argument("--verbose", action="store_true", help="write the functions' logs to stderr")
    arguments = parser.parse_args()
    if not 0 <= arguments.port < 2**16:
        parser.error(f"there is no port {arguments.port}")
    if not arguments.template.is_file():
        parser.error(f"there is no template {arguments.template}")
    return arguments


def _forget_the_users_aws(port: int) -> None:
    """Take the user's profile, credentials and endpoints out of the environment: nothing here is for the real AWS."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
        AWS_DEFAULT_REGION="us-east-1",
        MOTO_PORT=str(port),
    )
    for name in ("NO_PROXY", "no_proxy"):  # the stage calls itself, and its functions call it
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), HERE, "localhost"]))
    # moto remarks on each resource type that it does not make (see stage.cloudformation), each error code that is not
    # in botocore's model, and its interpreter on each execution that fails, as if that were a fault of the stage.
    warnings.filterwarnings("ignore", module="moto")
    logging.getLogger("moto").setLevel(logging.CRITICAL)
    logging.getLogger("samtranslator").setLevel(logging.CRITICAL)  # it misses metrics that only AWS collects


if __name__ == "__main__":
    sys.exit(main())
