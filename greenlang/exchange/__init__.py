"""Several machines, one factory: packs, reports and tables go from one to the other through an object store.

    home     takes files in, decides what is to be built, cuts it into shards, and takes in what came of them
    machine  builds one shard in a scratch folder and sends a parcel; it holds nothing that is not sent
    reader   mirrors the tables for analysts

Every prefix of the store has one writer: ``orders/`` and ``tables/`` are home's, ``parcels/<batch>/<shard>.zip`` is
written by the machine that builds the shard, whole or not at all, and ``packs/`` and ``references/`` are named by
content, so that whoever writes an object writes the same. Parts of tables are merged at home alone.

Belongs here: what lies in the store, the two ends of each way. Does not belong here: building (``greenlang.factory``),
who runs which shard (``greenlang_pipelines.machines``), the bucket of specs (``greenlang.bucket``).
"""
