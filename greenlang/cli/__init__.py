"""The command line `greenlang` (short: `gl`), made of Typer and Rich.

Belongs here: commands, how answers look on a terminal, exit codes. Does not belong here: anything a program would
call; that lies in the room which the command asks. Commands import those rooms when they run, so help is quick.
"""
