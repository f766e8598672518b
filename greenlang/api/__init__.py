"""The HTTP service: what the library can do, for callers who prove who they are.

Belongs here: FastAPI, sign-in, problems, paging, limits, thin handlers. Does not belong here: decisions and SQL (they
are the registry's and the other rooms'), Dagster (spoken to over HTTP alone).

A router is a module of `routes` with `router = APIRouter()`, listed in `routes.ROUTERS`. Every route says what its
caller must be permitted, by `need("permission")` of `principal`; one that does not stops the service from starting.
"""
