"""The lists of the gate: what each place of a pack may import and name, and what no agent does.

Belongs here: data, and nothing else. Does not belong here: looking at trees (`greenlang.sandbox.gate`).

The lists hold what generated packs need and little more. Who adds a name asks: can it reach a file, a process, the
interpreter, the clock or pytest itself? If it can, it stays out.
"""

from __future__ import annotations

from dataclasses import dataclass


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that the gate refuses. ``attempt``: no mistake leads there, so the verdict is ``escaped``."""

    name: str
    refuses: str
    mend: str
    attempt: bool


RULES = {
    rule.name: rule
    for rule in (
        Rule("link", "symbolic links and special files", "Put a plain file there.", True),
        Rule("native", "native libraries, path files and archives", "An agent is Python source only.", True),
        Rule("bytecode", "compiled Python", "Delete it; it is made anew from the source.", False),
        Rule("layout", "files at places that a pack does not have", "Move it or delete it.", False),
        Rule("hijack", "files that pytest, coverage or Python read by themselves", "Delete it.", True),
        Rule("shadow", "names that hide a module of Python or of the test tools", "Give it another name.", True),
        Rule("size", "files and packs far larger than any agent", "Make it smaller.", False),
        Rule("syntax", "Python that cannot be parsed", "Mend the syntax.", False),
        Rule("import", "modules that are not on the list of the place", "Use what the list offers.", False),
        Rule("escape import", "modules that reach processes, the network or the interpreter", "Leave it out.", True),
        Rule("chance", "the clock and randomness where results are made", "Take it as an input.", False),
        Rule("name", "built-in names that run code or reach files and the interpreter", "Leave it out.", True),
        Rule("attribute", "attributes that lead into the interpreter", "Leave it out.", True),
        Rule("indirect", "getattr and its like with anything but a plain word", "Write the attribute.", True),
        Rule("module", "a module as a value, or reached through another", "Name what you use of it.", True),
        Rule("patch", "changing what is not the pack's own", "Patch only the package.", True),
        Rule("set", "attributes set of anything but oneself at one's beginning", "Make a new value instead.", False),
        Rule("hook", "hooks, plugins and fixtures of pytest itself", "Use plain fixtures.", True),
        Rule("write", "calls that write, delete or link files", "An agent writes no file.", True),
        Rule("outside", "paths that lead out of the pack", "Read from the pack's own folder.", True),
        Rule("text as code", "annotations in text that would run something", "Write it as code.", True),
        Rule("private", "names with an underscore of what is not one's own", "Ask for what is public.", False),
        Rule("format", "`format` of anything but a text with plain places", "Use an f-string.", False),
    )
}

ANY = frozenset({"*"})
_TYPING = _names(
    "Annotated Any Callable ClassVar Final Generic Literal LiteralString NamedTuple Never NewType NoReturn "
    "Optional Protocol Self TextIO Tuple Type TypeAlias TypedDict TypeGuard TypeVar Union cast final overload"
)
_DECIMAL = _names(
    "Decimal localcontext Context DecimalException DivisionByZero InvalidOperation Overflow Inexact Rounded "
    "ROUND_UP ROUND_DOWN ROUND_CEILING ROUND_FLOOR ROUND_HALF_UP ROUND_HALF_DOWN ROUND_HALF_EVEN ROUND_05UP"
)
_PYDANTIC = _names(
    "AfterValidator BaseModel BeforeValidator ConfigDict Field NonNegativeInt PositiveInt RootModel StrictBool "
    "StrictInt StrictStr StringConstraints ValidationError computed_field field_serializer field_validator "
    "model_validator"
)
_OPERATOR = _names("add and_ eq ge gt itemgetter le lt mod mul ne neg not_ or_ pos pow sub truediv")
_COMMON: dict[str, frozenset[str]] = {
    "__future__": frozenset({"annotations"}),
    "abc": frozenset({"ABC", "abstractmethod"}),
    "collections": frozenset({"ChainMap", "Counter", "OrderedDict", "defaultdict", "deque", "namedtuple"}),
    "collections.abc": ANY,
    "dataclasses": frozenset({"asdict", "astuple", "dataclass", "field", "fields", "replace"}),
    "datetime": frozenset({"UTC", "date", "datetime", "time", "timedelta", "timezone"}),
    "decimal": _DECIMAL,
    "enum": frozenset({"Enum", "IntEnum", "StrEnum", "unique"}),
    "fractions": frozenset({"Fraction"}),
    "functools": frozenset({"cache", "cached_property", "lru_cache", "partial", "reduce", "total_ordering", "wraps"}),
    "itertools": ANY,
    "json": frozenset({"JSONDecodeError", "dumps", "loads"}),
    "math": ANY,
    "operator": _OPERATOR,
    "pathlib": frozenset({"Path", "PurePath", "PurePosixPath"}),
    "re": _names("ASCII IGNORECASE Match Pattern compile fullmatch match search sub"),
    "string": frozenset({"ascii_letters", "ascii_lowercase", "ascii_uppercase", "digits"}),
    "typing": _TYPING,
}
_LOGGING = _names("CRITICAL DEBUG ERROR Formatter Handler INFO LogRecord Logger StreamHandler WARNING getLogger")
_LOGS = {
    "contextvars": frozenset({"ContextVar"}),
    "logging": _LOGGING,
    "sys": frozenset({"stderr"}),
    "uuid": frozenset({"uuid4"}),
}
_PYTEST = _names("CaptureFixture LogCaptureFixture MonkeyPatch approx fixture mark param raises")

# Place of a pack -> module -> names of it that may be used. The pack's own package and greenlang_sdk are open in
# every place, but no module may be reached through them.
PLACES: dict[str, dict[str, frozenset[str]]] = {
    "package": {**_COMMON, "pydantic": _PYDANTIC},
    "logs": {**_COMMON, **_LOGS, "pydantic": _PYDANTIC},
    "main": {**_COMMON, "os": frozenset({"environ"}), "sys": frozenset({"argv", "exit", "stderr", "stdin", "stdout"})},
    "tests": {
        **_COMMON,
        "io": frozenset({"BytesIO", "StringIO"}),
        "logging": _LOGGING,
        "pydantic": _PYDANTIC,
        "pytest": _PYTEST,
        "runpy": frozenset({"run_module", "run_path"}),
        "sys": frozenset({"argv", "stderr", "stdin", "stdout"}),
        "tomllib": frozenset({"TOMLDecodeError", "loads"}),
    },
    "demos": {
        **_COMMON,
        "fastapi": frozenset({"FastAPI", "HTTPException", "Request", "Response"}),
        "pydantic": _PYDANTIC,
        "sys": frozenset({"argv", "exit", "stderr", "stdin", "stdout"}),
        "uuid": frozenset({"uuid4"}),
    },
}

TAKEN = frozenset().union(*(names for place in PLACES.values() for names in place.values())) - ANY

# Modules that nobody imports by mistake: they reach processes, the network, foreign memory, or the interpreter itself.
ESCAPES = _names(
    "_ctypes _io _posixsubprocess _socket _testcapi _thread ast asyncio atexit bdb builtins cffi code codeop "
    "concurrent coverage ctypes dis faulthandler fcntl ftplib gc greenlang http httpx imp importlib inspect "
    "marshal mmap multiprocessing nt os pdb pickle pkgutil pluggy posix pty ptrace requests resource runpy select "
    "selectors shutil signal site smtplib socket socketserver ssl subprocess sys sysconfig tarfile tempfile "
    "threading trace tracemalloc types urllib weakref xmlrpc zipfile zipimport _pytest"
)
CHANCE = frozenset({"random", "secrets", "time", "uuid", "zoneinfo", "calendar", "hashlib"})
CLOCKS = {("datetime", "datetime"): {"now", "utcnow", "today"}, ("datetime", "date"): {"today"}}

BUILTINS = _names(
    "ArithmeticError AssertionError AttributeError BaseException Ellipsis Exception False FileNotFoundError "
    "FloatingPointError IndexError IsADirectoryError KeyError LookupError NameError None NotImplemented "
    "NotImplementedError OSError OverflowError PermissionError RecursionError RuntimeError StopIteration "
    "SyntaxError SystemExit True TypeError UnicodeDecodeError UnicodeError ValueError ZeroDivisionError abs all "
    "any ascii bin bool bytearray bytes callable chr classmethod complex dict divmod enumerate filter float "
    "format frozenset hash hex int isinstance issubclass iter len list map max min next object oct ord pow print "
    "property range repr reversed round set slice sorted staticmethod str sum super tuple type zip __name__ "
    "__file__ __doc__"
)
# Built-in names that are read in earnest now and then (an output called `credits`) and reach nothing.
HARMLESS = _names("copyright credits dir exit help id input license quit")
GENERICS = _names("Annotated ClassVar Final Mapping Optional Sequence Union dict frozenset list set tuple type")
INDIRECT = frozenset({"getattr", "hasattr", "setattr"})
UNDERSCORED = frozenset({"__init__", "__name__", "__file__", "__doc__", "__version__", "__qualname__", "__post_init__"})
INTERPRETER = _names(
    "ag_code ag_frame cr_await cr_code cr_frame cr_origin f_back f_builtins f_code f_globals f_lasti f_lineno "
    "f_locals f_trace func_code func_globals gi_code gi_frame gi_yieldfrom mro tb_frame tb_lasti tb_lineno "
    "tb_next"
)
# They lead from what pytest hands to a test to its frames and plugins, and from a model of pydantic to pickle.
JUDGES = _names(
    "_config _excinfo _item _rawentry _request eval excinfo getrepr invocation_params obj parse_file parse_raw "
    "pluginmanager request tb traceback"
)
# Modules that objects and other modules hold, by the names under which they hold them.
HELD = _names(
    "_flavour _io asyncio atexit builtins codecs ctypes fcntl gc importlib inspect io linecache marshal "
    "multiprocessing os pathmod pickle posix posixpath runpy shutil socket subprocess sys threading"
)
# Python makes its own classes out of text, with nothing but these names.
OF_CLASSES = _names(
    "__class__ __qualname__ __dict__ __init__ __new__ __post_init__ __setattr__ __delattr__ __repr__ __eq__ __hash__ "
    "__lt__ __le__ __gt__ __ge__ __name__ __match_args__ __slots__"
)
# Names with two underscores on both sides that a file may bind; others change how Python treats it.
MAY_BIND = frozenset({"__all__", "__version__", "__slots__", "__hash__"})
OF_TUPLES = frozenset({"_asdict", "_fields", "_replace"})
HOOKED = frozenset(
    {
        "pytest_plugins",
        "__builtins__",
        "__test__",
        "collect_ignore",
        "collect_ignore_glob",
        "setup_module",
        "teardown_module",
    }
)
# Methods with two underscores that a class may define. Others change how Python makes, copies, reads or frees objects.
MAY_DEFINE = _names(
    "__init__ __post_init__ __repr__ __str__ __format__ __bool__ __call__ __eq__ __ne__ __lt__ __le__ __gt__ __ge__ "
    "__hash__ __len__ __iter__ __next__ __contains__ __getitem__ __enter__ __exit__ __add__ __radd__ __sub__ __rsub__ "
    "__mul__ __rmul__ __truediv__ __rtruediv__ __pow__ __neg__ __pos__ __abs__ __int__ __float__ __round__"
)
BEGINNINGS = frozenset({"__init__", "__post_init__"})  # asked for by `super()` only: else with any `self`
# They change a class that they are given, or hand out what pytest holds: they stand right above what they decorate.
DECORATORS = frozenset({"dataclasses.dataclass", "functools.total_ordering", "pytest.fixture"})
GIVE_BACK = frozenset({*DECORATORS, "enum.unique", "typing.final"})  # what they decorate
# With more than plain words they have pydantic read any attribute of what it is given.
OF_MODELS = frozenset({"pydantic.ConfigDict", "pydantic.Field"})
IN_ANNOTATIONS = frozenset({"pytest.MonkeyPatch"})
NO_VALUES = DECORATORS | OF_MODELS | IN_ANNOTATIONS | {"functools.wraps"}
ANSWERS = _names("Any None Response bool dict float int list object str")  # what an answer over HTTP may be said to be
OF_FIELDS = frozenset({"alias_generator", "from_attributes", "orm_mode"})
CLASS_WORDS = frozenset({"frozen", "extra", "strict", "total"})
FIXTURES = _names(
    "cache capfd capfdbinary config doctest_namespace pytestconfig pytester record_property "
    "record_testsuite_property record_xml_attribute recwarn request session testdir tmp_path tmp_path_factory "
    "tmpdir tmpdir_factory"
)
WRITES = _names("chmod hardlink_to lchmod mkdir open rename rmdir symlink_to touch unlink write_bytes write_text")
HOLDING = {"collections": frozenset({"abc"}), "importlib": frozenset({"resources", "metadata"})}
HANDED = _names("addfinalizer chdir delattr delenv delitem setattr setenv setitem syspath_prepend")
OF_LOGGERS = frozenset({"handlers", "propagate"})
# How a model of pydantic was made, and ways to make it otherwise or to have it hold anything by its name.
PLANS = _names(
    "ImportString PyObject from_annotated_attribute from_annotation from_field from_orm merge_field_infos model_config "
    "model_fields model_rebuild"
)
LEADING = INTERPRETER | JUDGES | HELD | PLANS
BY_NO_NAME = (WRITES - {"open"}) | HANDED | {"format", "format_map"}
# What a pack's own code may not call a field, lest it looks like one of the ways above: the generator renames these.
TELLING = INTERPRETER | JUDGES | HELD | OF_TUPLES | HOOKED | {"format", "format_map"} | (WRITES - {"open"})
PATCHES = _names("addfinalizer chdir context delattr delenv delitem setattr setenv setitem syspath_prepend undo")
MAY_PATCH = {
    "sys": {"argv", "stderr", "stdin", "stdout"},
    "pathlib.Path": {"read_bytes", "read_text"},
}
GUARDED_VARIABLES = ("PYTHON", "PYTEST", "COVERAGE", "GREENLANG", "LD_", "DYLD_")
FOREIGN_ROOTS = ("bin", "dev", "etc", "home", "lib", "opt", "proc", "root", "sys", "tmp", "usr", "var")

SUFFIXES = {
    "package": frozenset({".py", ".json", ".typed", ".csv", ".yaml", ".md"}),
    "tests": frozenset({".py", ".json", ".csv", ".yaml", ".md"}),
    "demos": frozenset({".py", ".json", ".md", ".ipynb"}),
}
NATIVE = _names(".so .pyd .dll .dylib .pth .egg .egg-link .zip .tar .tgz .pyz .a")
HIJACKS = _names(
    "conftest.py sitecustomize.py usercustomize.py pytest.ini .pytest.ini tox.ini setup.cfg setup.py .coveragerc "
    "noxfile.py pyvenv.cfg pytest.toml .pytest.toml"
)
TOOLS = _names("pytest _pytest pluggy coverage pydantic pydantic_core greenlang greenlang_sdk fastapi")
