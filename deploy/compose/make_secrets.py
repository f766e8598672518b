"""Make the secrets of the Compose file, once: random passwords, the addresses and configurations that hold them.

    python3 deploy/compose/make_secrets.py          # into deploy/compose/secrets/, which git and Docker's build ignore

Belongs here: what compose.yaml names under `secrets`. Does not belong here: secrets of people, such as API keys
(`greenlang key issue`) and keys of language models. Python's own library alone: it runs before anything is installed.
"""

from __future__ import annotations

import json
import secrets
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "secrets"


def made() -> dict[str, str]:
    """The files by name, with new passwords."""
    postgres, owner, app, dagster, redis, access, secret = (secrets.token_hex(24) for _ in range(7))
    roles = {"greenlang_owner": owner, "greenlang_app": app, "dagster": dagster}
    statements = [f"CREATE ROLE {role} LOGIN PASSWORD '{password}';" for role, password in roles.items()]
    statements += ["CREATE DATABASE greenlang OWNER greenlang_owner;", "CREATE DATABASE dagster OWNER dagster;"]
    statements += [f"REVOKE ALL ON DATABASE {name} FROM PUBLIC;" for name in ("greenlang", "dagster")]
    statements += ["GRANT CONNECT ON DATABASE greenlang TO greenlang_app;"]
    identity = {
        "name": "greenlang",
        "credentials": [{"accessKey": access, "secretKey": secret}],
        "actions": [f"{action}:greenlang" for action in ("Read", "Write", "List", "Tagging")],
    }
    return {
        "postgres_password": postgres,
        "postgres_init.sql": "\n".join(statements) + "\n",
        "registry_url": f"postgresql+psycopg2://greenlang_app:{app}@postgres/greenlang",
        "registry_admin_url": f"postgresql+psycopg2://greenlang_owner:{owner}@postgres/greenlang",
        "dagster_pg_url": f"postgresql://dagster:{dagster}@postgres/dagster",
        "redis.conf": f"requirepass {redis}\nappendonly yes\nmaxmemory-policy noeviction\n",
        "redis_url": f"redis://:{redis}@redis:6379/0",
        "store_access_key": access,
        "store_secret_key": secret,
        "store_config.json": json.dumps({"identities": [identity]}, indent=2) + "\n",
    }


def main(folder: Path = FOLDER) -> int:
    """Write them; 1, and nothing is written, where the folder is there: the databases keep the passwords they have."""
    try:
        folder.mkdir(mode=0o700)  # whoever may not enter it reads none of its files
    except FileExistsError:
        print(f"{folder} is there already: nothing was changed", file=sys.stderr)  # noqa: T201
        return 1
    for name, text in made().items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o444)  # Docker mounts it as it is, and each container reads it as another user
    print(f"{len(made())} secrets in {folder}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
