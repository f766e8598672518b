"""Backup and restore: everything of a factory in one file that verifies by itself.

A backup is a tar archive, compressed by Zstandard: without GreenLang, `tar --zstd -xf FILE` unpacks it.

    var/...                 the files of the folder `var`; a private key is never among them
    bucket/... keys/... cassettes/...   the same, of those that the settings keep elsewhere
    registry/<table>.jsonl  every row of the registry, of all tenants, as it was at one moment
    dagster/database.dump   Dagster's database, where it is PostgreSQL, as `pg_dump --format=custom` writes it
    private/...             private keys, if they were asked for: PKCS #8, encrypted by a passphrase
    files.jsonl             a line for each of these: name, SHA-256, bytes
    manifest.json           what made it, the registry's revision, the digest of files.jsonl, what is not in it and why
    manifest.sig            a signature over the manifest, by the key of the factory

Belongs here: the archive (`archive`), what goes in (`contents`), the registry's rows (`rows`), Dagster's
database (`instance`), making one (`make`),
reading one (`restore`). Does not belong here: migrating the registry (`greenlang.registry.migrate`).
"""
