"""Golden packs are compared, not collected: their own tests run inside a pack."""

collect_ignore_glob = ["*/*"]
