"""The Dockerfile and the examples beside it agree, and what the image is made of runs.

The image's steps themselves are run by `python -m tests.container`, which needs root.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from gateway.cli import main
from gateway.demo import nba
from tests.container.dockerfile import Stage, ignored, stages

ROOT = Path(__file__).parents[2]
SIDECAR = ROOT / "examples" / "sidecar"
CLUSTER = ROOT / "examples" / "cluster"
KEY = {"SERVICE_KEY": nba.KEY}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture
def image() -> Stage:
    return stages((ROOT / "Dockerfile").read_text())[-1]


@pytest.fixture
def compose() -> dict[str, Any]:
    return yaml.safe_load((SIDECAR / "compose.yaml").read_text())["services"]


@pytest.fixture
def pod() -> dict[str, Any]:
    """The documents of the pod's file by their kind."""
    return {one["kind"]: one for one in yaml.safe_load_all((SIDECAR / "pod.yaml").read_text())}


def containers(pod: dict[str, Any]) -> dict[str, Any]:
    return {one["name"]: one for one in pod["Pod"]["spec"]["containers"]}


# --- the Dockerfile ---------------------------------------------------------------------------


def test_every_stage_stands_on_the_same_base_with_a_python_of_ours() -> None:
    bases = {stage.base for stage in stages((ROOT / "Dockerfile").read_text())}
    (base,) = bases
    version = re.fullmatch(r"python:(3\.\d+)-slim-[a-z]+", base)
    assert version, f"{base}: a tag that says Python's minor version and Debian's release"
    assert f"Programming Language :: Python :: {version[1]}" in PROJECT["classifiers"]


def test_the_image_runs_as_a_number_that_is_not_root(image: Stage) -> None:
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", image.user)


def test_the_image_says_what_the_project_says(image: Stage) -> None:
    said = {name.rpartition(".")[2]: value for name, value in image.labels.items()}
    assert said["version"] == PROJECT["version"]
    assert said["description"] == PROJECT["description"]
    assert said["licenses"] == PROJECT["license"]


def test_the_image_starts_commands_and_options_that_there_are(image: Stage) -> None:
    assert image.entrypoint == ["python", "-m", "gateway"]
    assert image.env["PYTHONSAFEPATH"], "-m takes nothing from the folder it is started in"
    assert image.command == ["serve", "/configs"]
    assert image.volumes == ["/state"] == [image.env["GATEWAY_STATE"]]
    assert image.ports == [int(image.env["GATEWAY_PORT"])]
    names = {
        variable
        for option in main.commands["serve"].params
        for variable in [option.envvar]
        if isinstance(variable, str)
    }
    assert {name for name in image.env if name.startswith("GATEWAY_")} <= names


def test_an_environment_file_and_the_tests_stay_out_of_the_build() -> None:
    patterns = (ROOT / ".dockerignore").read_text()
    for path in (
        *(".env", ".git/config", "tests/conftest.py", "examples/sidecar/pod.yaml"),
        *("gateway/__pycache__/app.pyc", "gateway/app.pyc", "gateway/cli/__pycache__"),
    ):
        assert ignored(patterns, Path(path)), path
    for path in ("gateway/app.py", "gateway/config/schema.json", "configs/specs/twelvedata.yaml"):
        assert not ignored(patterns, Path(path)), path


def test_the_wheel_that_the_image_is_made_of_runs(tmp_path: Path) -> None:
    """Built of just what the build is given, and run with nothing else of this checkout."""
    if os.environ.get("GATEWAY_TEST_OFFLINE") == "1":
        pytest.skip("the build backend comes from the registry, and GATEWAY_TEST_OFFLINE=1 is set")
    context, site = tmp_path / "context", tmp_path / "site"
    patterns = (ROOT / ".dockerignore").read_text()

    def left_out(folder: str, names: list[str]) -> set[str]:
        at = Path(folder).relative_to(ROOT)
        return {name for name in names if ignored(patterns, at / name)}

    shutil.copytree(ROOT, context, ignore=left_out)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet"]
    built = subprocess.run(  # noqa: S603 - our own command
        [*pip, "--no-deps", "--wheel-dir", str(tmp_path), str(context)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert built.returncode == 0, f"the wheel needs the registry, once\n{built.stderr}"
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(site)
    code = (
        "import gateway; print(gateway.__file__)\n"
        "from gateway.cli import main; main(['demo', '--once', '--port', '0'])"
    )
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", code],
        cwd=tmp_path, env={"PYTHONPATH": str(site), "PATH": os.environ["PATH"]},
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    said = done.stdout
    assert done.returncode == 0, done.stderr
    assert said.startswith(str(site))
    assert "sportStats" in said


# --- the examples -----------------------------------------------------------------------------


def test_the_pods_config_is_the_one_beside_it(pod: dict[str, Any]) -> None:
    files = {path.name: path.read_text() for path in (SIDECAR / "configs").iterdir()}
    assert pod["ConfigMap"]["data"] == files
    assert pod["Secret"]["stringData"] == KEY


def test_the_pods_image_is_of_this_version(pod: dict[str, Any], compose: dict[str, Any]) -> None:
    name = f"plugin-gateway:{PROJECT['version']}"
    used = [*containers(pod).values(), *compose.values()]
    assert [one["image"] for one in used] == [name] * 4
    assert f"docker build -t {name} " in (SIDECAR / "README.md").read_text()


def test_the_pod_agrees_with_the_image(pod: dict[str, Any], image: Stage) -> None:
    spec, gateway = pod["Pod"]["spec"], containers(pod)["gateway"]
    (port,) = gateway["ports"]
    assert [port["containerPort"]] == image.ports
    for probe, path in (
        ("startup", "/healthz"),
        ("liveness", "/healthz"),
        ("readiness", "/readyz"),
    ):
        assert gateway[f"{probe}Probe"]["httpGet"] == {"path": path, "port": port["name"]}
    mounted = {one["name"]: one["mountPath"] for one in gateway["volumeMounts"]}
    assert mounted == {"configs": image.command[-1], "state": image.env["GATEWAY_STATE"]}
    assert {one["name"] for one in spec["volumes"]} == set(mounted)
    env = {one["name"]: one["value"] for one in gateway["env"]}
    assert env == {name: image.env[name] for name in ("GATEWAY_HOST", "GATEWAY_PORT")}
    assert spec["enableServiceLinks"] is False
    user, group = map(int, image.user.split(":"))
    ids = spec["securityContext"]
    assert (ids["runAsUser"], ids["runAsGroup"], ids["fsGroup"]) == (user, group, group)


def test_the_pod_is_locked_in(pod: dict[str, Any]) -> None:
    context = pod["Pod"]["spec"]["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    for name, one in containers(pod).items():
        assert one["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name


def test_compose_agrees_with_the_image_and_is_locked_in(
    compose: dict[str, Any], image: Stage
) -> None:
    for name, one in compose.items():
        assert one["user"] == image.user, name
        assert one["read_only"] is True, name
        assert one["cap_drop"] == ["ALL"], name
        assert one["security_opt"] == ["no-new-privileges:true"], name
    gateway, service = compose["gateway"], compose["service"]
    assert gateway["healthcheck"]["test"] == ["CMD", *image.health]
    assert gateway["network_mode"] == "service:service"
    (port,) = image.ports
    assert service["ports"] == [f"127.0.0.1:{port}:{port}"]
    into = {one.split(":")[1] for one in gateway["volumes"]}
    assert into == {image.command[-1], image.env["GATEWAY_STATE"]}
    for name in ("GATEWAY_HOST", "GATEWAY_PORT"):
        assert gateway["environment"][name] == image.env[name]


def test_both_start_the_same_service_where_the_config_looks_for_it(
    pod: dict[str, Any], compose: dict[str, Any]
) -> None:
    arguments = containers(pod)["service"]["args"]
    assert arguments == compose["service"]["command"]
    host, port = (arguments[arguments.index(name) + 1] for name in ("--host", "--port"))
    config = yaml.safe_load((SIDECAR / "configs" / "players.yaml").read_text())
    assert config["spec"] == f"http://{host}:{port}/openapi.yaml"
    assert compose["gateway"]["environment"]["SERVICE_KEY"].endswith(f"-{nba.KEY}}}")


# --- what Kubernetes does to the environment --------------------------------------------------


def test_the_port_of_a_service_called_gateway_is_told_with_the_way_out() -> None:
    env = {**KEY, "GATEWAY_PORT": "tcp://10.96.0.7:80"}
    result = CliRunner(env=env).invoke(main, ["serve", str(SIDECAR / "configs")])
    assert result.exit_code == 2
    assert "enableServiceLinks: false" in result.stderr


# --- several gateways -------------------------------------------------------------------------


def clusters() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((CLUSTER / "deployment.yaml").read_text()))


def test_the_clusters_config_is_the_one_beside_it() -> None:
    files = {path.name: path.read_text() for path in (CLUSTER / "configs").iterdir()}
    (config,) = [one for one in clusters() if one["kind"] == "ConfigMap"]
    assert config["data"] == files


def test_the_clusters_gateways_say_the_same_in_both_files() -> None:
    services = yaml.safe_load((CLUSTER / "compose.yaml").read_text())["services"]
    composed = services["gateway"]["environment"]
    (players,) = [
        one
        for one in clusters()
        if (one["kind"], one["metadata"]["name"]) == ("Deployment", "players")
    ]
    (gateway,) = players["spec"]["template"]["spec"]["containers"]
    env = {one["name"]: one["value"] for one in gateway["env"]}
    for name in ("GATEWAY_STORE", "GATEWAY_ADMIN"):
        assert env[name] == composed[name]
    assert players["spec"]["replicas"] == services["gateway"]["deploy"]["replicas"]
    names = {
        option.envvar for option in main.commands["serve"].params if isinstance(option.envvar, str)
    }
    set_here = {*env, *composed}
    assert {one for one in set_here if one.startswith("GATEWAY_")} - names <= {"GATEWAY_STORE_KEY"}
    seconds = players["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert seconds >= gateway["lifecycle"]["preStop"]["sleep"]["seconds"] + 8


@pytest.mark.parametrize("place", ["deployment.yaml", "compose.yaml"])
def test_nothing_of_a_cluster_runs_as_root_or_writes_its_own_files(place: str) -> None:
    if place == "compose.yaml":
        services = yaml.safe_load((CLUSTER / place).read_text())["services"]
        for name in ("api", "gateway", "store"):
            assert services[name]["read_only"]
            assert services[name]["cap_drop"] == ["ALL"]
            assert services[name]["user"].partition(":")[0] != "0"
        return
    for one in clusters():
        if one["kind"] != "Deployment":
            continue
        spec = one["spec"]["template"]["spec"]
        assert spec["securityContext"]["runAsNonRoot"]
        for container in spec["containers"]:
            locks = container["securityContext"]
            assert locks["readOnlyRootFilesystem"]
            assert locks["capabilities"] == {"drop": ["ALL"]}
            assert not locks["allowPrivilegeEscalation"]
