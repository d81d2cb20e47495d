import pytest

from tools import run_subprocess_async
from tools.environment import child_environment

CANARY = "canary-4f1c"


@pytest.mark.parametrize(
    "name",
    [
        *("HOME", "LANG", "LC_ALL", "TZ", "TERM", "TMPDIR", "USER", "LOGNAME", "SHELL"),
        *("VIRTUAL_ENV", "XDG_CONFIG_HOME", "SSL_CERT_FILE", "PYTHONPATH", "PYTHONUTF8"),
        *("CARGO_HOME", "RUSTUP_HOME", "GOPATH", "GOROOT", "GOCACHE", "GOMODCACHE", "GOPROXY"),
        *("JAVA_HOME", "NODE_PATH", "NODE_OPTIONS", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
        *("CC", "CXX", "CFLAGS", "CI", "NO_COLOR", "https_proxy", "NO_PROXY"),
    ],
)
def test_what_a_build_needs_is_passed_on(name: str):
    assert child_environment({name: "value"})[name] == "value"


@pytest.mark.parametrize(
    "name",
    [
        *("ANTHROPIC_API_KEY", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "DATABASE_URL"),
        *("SSH_AUTH_SOCK", "GIT_DIR", "GIT_EXTERNAL_DIFF", "LD_PRELOAD", "SOMETHING_ELSE"),
        # These have an allowed prefix.
        *("UV_PUBLISH_TOKEN", "PIP_PASSWORD", "PYTHON_KEYRING_BACKEND", "XDG_SESSION_COOKIE"),
        *("UV_INDEX_INTERNAL_PASSWORD", "CMAKE_TLS_CREDENTIALS", "PYTHON_auth", "LC_SECRET"),
    ],
)
def test_a_name_that_is_unknown_or_sounds_like_a_secret_is_not_passed_on(name: str):
    assert name not in child_environment({name: CANARY})


@pytest.mark.parametrize(
    "value",
    [
        *("http://user:pw@proxy:8080", "HTTPS://token@host/", "socks5h://u:p@h", "a,http://u:p@h"),
        *("sk-ant-api03-abc", "--flag=sk-proj-abc", "sk_live_1", "rk_test_1"),
        *("ghp_0123456789abcdefXYZ", "github_pat_11AA", "glpat-x", "hf_" + "a" * 34),
        *("AKIA0123456789ABCDEF", "ASIA0123456789ABCDEF", "xoxb-1-2", "AIza" + "B" * 35),
        *("npm_" + "a" * 36, "pypi-AgEIcHl", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx"),
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl",
    ],
)
def test_a_value_that_looks_like_a_secret_is_not_passed_on(value: str):
    assert "HTTPS_PROXY" not in child_environment({"HTTPS_PROXY": value})


@pytest.mark.parametrize(
    "value",
    ["http://proxy:8080", "http://proxy/path@v1", "/home/u/task-ant-1/bin", "--max-old-space=4096"],
)
def test_a_value_that_only_resembles_a_secret_is_passed_on(value: str):
    assert child_environment({"NODE_OPTIONS": value})["NODE_OPTIONS"] == value


def test_what_the_caller_names_goes_through_and_wins():
    extra = {"API_KEY": CANARY, "HOME": "/elsewhere"}

    assert child_environment({"HOME": "/home/me", "PATH": "/bin"}, extra) == {
        "PATH": "/bin",
        **extra,
    }


@pytest.mark.parametrize("path", ["", ":", ".", "bin:./x"])
def test_a_path_without_absolute_folders_becomes_the_default_one(path: str):
    assert child_environment({"PATH": path})["PATH"] == child_environment({})["PATH"]
    assert "" not in child_environment({})["PATH"].split(":")


def test_relative_folders_are_taken_out_of_the_path():
    assert child_environment({"PATH": "/a::.:/b:bin:"})["PATH"] == "/a:/b"


@pytest.mark.parametrize(("name", "value"), [("", "x"), ("A=B", "x"), ("A\0", "x"), ("A", "x\0y")])
def test_an_impossible_variable_is_refused(name: str, value: str):
    with pytest.raises(ValueError, match=r"NUL|not a name"):
        child_environment({}, {name: value})


async def test_no_secret_of_ours_reaches_a_child(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", CANARY)
    monkeypatch.setenv("PYTHON_TOKEN", CANARY)
    monkeypatch.setenv("HTTPS_PROXY", f"http://u:{CANARY}@proxy")

    result = await run_subprocess_async(["env"])

    assert result["status"] == "success"
    assert "PATH=" in result["output"]
    assert CANARY not in result["output"]


async def test_a_secret_that_is_named_reaches_the_child():
    result = await run_subprocess_async(["sh", "-c", "echo $API_KEY"], env={"API_KEY": CANARY})

    assert result["output"] == f"{CANARY}\n"
