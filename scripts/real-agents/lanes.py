"""The agents: where each lives, and how it is pointed at the mock.

Owns: a private home for each, the settings file of smol-wf, and the differences
between agents. Never: runs anything.

A lane has the name of its provider. A name that ends in `-new` is the newest version
of an agent beside the pinned one; a name that begins with `acp-` is driven over the
Agent Client Protocol.
"""

import contextlib
import json
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

# Where a figure is checked, all agents have the same prices, in dollars per
# million tokens.
PRICES = {"input": 1, "output": 2, "cacheRead": 0.5, "cacheWrite": 1.5}

# Enough for a hiccup; the rest is waiting.
RETRIES = 1


# The name of a tool, and what it is given.
Tool = tuple[str, dict[str, Any]]


class Lane:
    """One agent with a home and a path on the mock of its own."""

    model: str
    # Beside what every program needs.
    env: dict[str, str]
    # The tools that run a command, and that write a text to a path.
    shell: Callable[[str], Tool]
    writes: Callable[[str, str], Tool]

    def __init__(self, name: str, agents: pathlib.Path, root: pathlib.Path, port: int) -> None:
        self.name, self.agents = name, agents
        self.is_new = name.endswith("-new")
        # The lane that it is like in all that an agent says and does.
        self.like = name.removesuffix("-new")
        self.root = root / name
        self.home = self.root / "home"
        self.home.mkdir(parents=True)
        (self.root / "tmp").mkdir()
        # The path is how the mock's log tells the lanes apart.
        self.base = "http://127.0.0.1:%d/%s" % (port, name)
        self.variants: list[tuple[str, dict[str, str], str]] = []
        agent = {"claude-code": "claude", "acp": "opencode"}.get(self.like, self.like)
        agent = agent.removeprefix("acp-")
        self.bin = agents / ("new/bin" if self.is_new else "bin")
        self.program = self.bin / agent
        getattr(self, "set_up_" + agent)()
        self.command = [str(self.program), "acp"]
        if self.like.startswith("acp-"):
            program, *flags = ACP[self.like]
            self.command = [str(agents / "acp/node_modules/.bin" / program), *flags]

    def set_up_claude(self) -> None:
        self.model = "claude-sonnet-4-5"
        self.env = {
            "CLAUDE_CONFIG_DIR": str(self.home / ".claude"),
            "ANTHROPIC_BASE_URL": self.base,
            "ANTHROPIC_API_KEY": "mock-key",
            "ANTHROPIC_MODEL": self.model,
            "CLAUDE_CODE_MAX_RETRIES": str(RETRIES),
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            # The one that is installed, for the agent that drives it over ACP.
            "CLAUDE_CODE_EXECUTABLE": str(self.program),
        }
        self.write(".claude/settings.json", {"permissions": {"allow": ["Bash"]}})
        self.variants.append(("claude-nested", self.env, "subagents = true"))
        # Logged in through its own settings alone, as with a gateway.
        moved = {"ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"}
        kept = {name: value for name, value in self.env.items() if name not in moved}
        kept["CLAUDE_CONFIG_DIR"] = str(self.home / "gateway")
        self.variants.append(("claude-gateway", kept, ""))
        gateway = {"ANTHROPIC_BASE_URL": self.base, "ANTHROPIC_AUTH_TOKEN": "mock-key"}
        self.write("gateway/settings.json", {"env": gateway})
        self.shell = lambda command: ("Bash", {"command": command})
        self.writes = lambda path, text: ("Write", {"file_path": path, "content": text})

    def set_up_codex(self) -> None:
        self.model = "mock-model"
        self.env = {"CODEX_HOME": str(self.home / ".codex"), "MOCK_API_KEY": "mock-key"}
        lines = [
            'model = "mock-model"',
            'model_provider = "mock"',
            "check_for_update_on_startup = false",
            "[model_providers.mock]",
            'name = "mock"',
            'base_url = "%s/v1"' % self.base,
            'env_key = "MOCK_API_KEY"',
            'wire_api = "responses"',
            "request_max_retries = %d" % RETRIES,
            "stream_max_retries = %d" % RETRIES,
            "[analytics]\nenabled = false",
            "[otel]\nexporter = \"none\"",
            "[features]\nplugins = false",
        ]
        self.write(".codex/config.toml", "\n".join(lines) + "\n")
        self.shell = lambda command: ("exec_command", {"cmd": command})
        self.writes = lambda path, text: self.shell("printf %%s '%s' > %s" % (text, path))

    def set_up_opencode(self) -> None:
        self.model = "mock-model"
        self.env = {
            "OPENCODE_DISABLE_AUTOUPDATE": "1",
            "OPENCODE_DISABLE_MODELS_FETCH": "1",
            "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
            "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
            "OPENCODE_DISABLE_SHARE": "1",
        }
        for kind in ("config", "data", "cache", "state"):
            self.env["XDG_%s_HOME" % kind.upper()] = str(self.home / kind)
        cost = {"input": 1, "output": 2, "cache_read": 0.5, "cache_write": 1.5}
        model = {
            "name": "mock",
            "tool_call": True,
            "reasoning": True,
            "attachment": True,
            "modalities": {"input": ["text", "image"], "output": ["text"]},
            "limit": {"context": 200_000, "output": 8_192},
            "cost": cost,
            "variants": {"high": {"reasoningEffort": "high"}},
        }
        vendor = {
            "npm": "@ai-sdk/openai-compatible",
            "name": "mock",
            "options": {"baseURL": self.base + "/v1", "apiKey": "mock-key"},
            # opencode knows this last one; the service does not.
            "models": {"mock-model": model, "mock-small": model, "no-such-model": model},
        }
        settings = {
            "autoupdate": False,
            "share": "disabled",
            "model": "mock/mock-model",
            # Names sessions; what that takes is in no account of opencode's.
            "small_model": "mock/mock-small",
            "enabled_providers": ["mock"],
            "provider": {"mock": vendor},
        }
        self.write("config/opencode/opencode.json", settings)
        self.shell = lambda command: ("bash", {"command": command, "description": "a command"})
        self.writes = lambda path, text: ("write", {"filePath": path, "content": text})

    def set_up_pi(self) -> None:
        self.model = "mock-model"
        agent = self.home / "agent"
        self.env = {
            "PI_CODING_AGENT_DIR": str(agent),
            "PI_OFFLINE": "1",
            "PI_TELEMETRY": "0",
        }
        model = {
            "id": "mock-model",
            "name": "mock",
            "reasoning": True,
            "contextWindow": 200_000,
            "maxTokens": 8_192,
            "cost": PRICES,
        }
        vendor = {
            "baseUrl": self.base + "/v1",
            "api": "openai-completions",
            "apiKey": "mock-key",
            "models": [model],
        }
        self.write("agent/models.json", {"providers": {"mock": vendor}})
        settings = {"defaultProvider": "mock", "defaultModel": "mock-model"}
        retry = {"enabled": True, "maxRetries": RETRIES, "baseDelayMs": 200}
        self.write("agent/settings.json", {**settings, "retry": retry})
        self.shell = lambda command: ("bash", {"command": command})
        self.writes = lambda path, text: ("write", {"path": path, "content": text})

    def set_up_gemini(self) -> None:
        self.model = "gemini-2.5-pro"
        self.env = {
            "GEMINI_API_KEY": "mock-key",
            "GOOGLE_GEMINI_BASE_URL": self.base,
            "GEMINI_MODEL": self.model,
        }
        security = {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": False}}
        privacy = {"usageStatisticsEnabled": False}
        self.write(".gemini/settings.json", {"security": security, "privacy": privacy})
        self.shell = lambda command: ("run_shell_command", {"command": command})
        self.writes = lambda path, text: ("write_file", {"file_path": path, "content": text})

    def set_up_qwen(self) -> None:
        self.model = "mock-model"
        self.env = {
            "OPENAI_API_KEY": "mock-key",
            "OPENAI_BASE_URL": self.base + "/v1",
            "OPENAI_MODEL": self.model,
        }
        self.write(".qwen/settings.json", {"privacy": {"usageStatisticsEnabled": False}})
        self.shell = lambda command: ("run_shell_command", {"command": command})
        self.writes = lambda path, text: ("write_file", {"file_path": path, "content": text})

    def set_up_copilot(self) -> None:
        self.model = "mock-model"
        self.env = {
            "COPILOT_OFFLINE": "true",
            "COPILOT_PROVIDER_TYPE": "openai",
            "COPILOT_PROVIDER_BASE_URL": self.base + "/v1",
            "COPILOT_PROVIDER_API_KEY": "mock-key",
            "COPILOT_MODEL": self.model,
        }
        self.shell = lambda command: ("bash", {"command": command, "description": "a command"})
        self.writes = lambda path, text: ("create", {"path": path, "file_text": text})

    def write(self, name: str, content: object) -> None:
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))

    @contextlib.contextmanager
    def written(self, name: str, change: str | dict[str, Any]) -> Iterator[None]:
        """A file of the user's, JSON or text, changed for a while."""
        path = self.home / name
        before = path.read_text() if path.exists() else None
        now = change if isinstance(change, str) else json.loads(before or "{}") | change
        self.write(name, now)
        try:
            yield
        finally:
            if before is None:
                path.unlink()
            else:
                path.write_text(before)

    def places(self) -> dict[str, str]:
        """What every program needs of its environment."""
        search = "%s:%s:/usr/local/bin:/usr/bin:/bin" % (self.bin, self.agents / "bin")
        places = {"HOME": str(self.home), "TMPDIR": str(self.root / "tmp"), "PATH": search}
        return {"LANG": "C.UTF-8", **places}

    def environment(self) -> dict[str, str]:
        """What its agent finds in its environment."""
        return {**self.places(), **self.env}

    def settings(self) -> str:
        """The lane's table in the settings file of smol-wf, as TOML."""
        env = self.environment()
        # A basic string of TOML is one of JSON.
        pairs = ", ".join("%s = %s" % (key, json.dumps(value)) for key, value in env.items())
        program = json.dumps(str(self.program))
        start = "program = " + program
        if self.is_new:
            start = "kind = %s\n" % json.dumps(self.like) + start
        if self.like.startswith("acp"):
            start = 'kind = "acp"\ncommand = %s' % json.dumps(self.command)
        own = "[providers.%s]\n%s\nenv = { %s }\n" % (self.name, start, pairs)
        if self.like.startswith("acp"):
            return own
        return own + "".join(self.variant(*one) for one in self.variants)

    def variant(self, name: str, env: dict[str, str], more: str) -> str:
        """The same agent under another name and with other settings."""
        env = {**self.places(), **env}
        pairs = ", ".join("%s = %s" % (key, json.dumps(value)) for key, value in env.items())
        kind = 'kind = "%s"\nprogram = %s' % (self.like, json.dumps(str(self.program)))
        name = self.of_variant(name)
        return "[providers.%s]\n%s\nenv = { %s }\n%s\n" % (name, kind, pairs, more)

    def of_variant(self, name: str) -> str:
        """The provider of this lane's own that has other settings."""
        return name + ("-new" if self.is_new else "")


# Agents that are driven over ACP, and how they are started.
ACP = {
    "acp-claude": ["claude-agent-acp"],
    "acp-codex": ["codex-acp"],
    "acp-pi": ["pi-acp"],
    "acp-gemini": ["gemini", "--acp"],
    "acp-qwen": ["qwen", "--acp"],
    "acp-copilot": ["copilot", "--acp"],
}

PINNED = ["claude-code", "codex", "opencode", "pi", "acp"]
NEWEST = ["claude-code-new", "codex-new", "opencode-new", "pi-new"]
NAMES = [*PINNED, *ACP, *NEWEST]


def price_file(root: pathlib.Path) -> pathlib.Path:
    """Prices for agents that do not report the cost of a step."""
    path = pathlib.Path(root) / "prices.json"
    table = {"version": "mock", "models": [{"model": "mock-model", **PRICES}]}
    path.write_text(json.dumps(table))
    return path
