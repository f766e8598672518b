"""The web console: pages for people, made on the server, readable without a script.

Belongs here: pages, forms, sign-in of a browser. Does not belong here: what is decided (`greenlang.registry`), what
programs are answered (`greenlang.api.routes`).
"""
