"""Plain functions as agents: the models come from the annotations, the function stays as it is.

agent = wrap(co2e, agent_id="legacy/co2e")  # or above the function: @as_agent("legacy/co2e")
agent.run({"kwh": 100, "factor": "0.4"})    # an AgentResult
agent(100.0, 0.4)                           # the function itself, for those who call it today
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import update_wrapper
from types import UnionType
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    Optional,
    ParamSpec,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic import (
    BeforeValidator,
    Field,
    PydanticUserError,
    StrictInt,
    TypeAdapter,
    ValidationError,
    create_model,
)

from greenlang_sdk.decimals import to_decimal
from greenlang_sdk.errors import InvalidInput, NotANumber, Refusal
from greenlang_sdk.lifecycle import AgentSpecV2Base, ExecutionContext
from greenlang_sdk.models import AgentInput, AgentOutput, Number, Text, Truth

P = ParamSpec("P")
R = TypeVar("R")


def _whole(value: object) -> int:
    number = to_decimal(value)
    if number != number.to_integral_value():
        raise NotANumber("a whole number is needed")
    return int(number)


def _double(value: object) -> float:
    return float(to_decimal(value))


_OTHER = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction, inspect.isclass)
_FIELDS: dict[object, Any] = {
    Decimal: Number,
    float: Annotated[float, BeforeValidator(_double)],
    int: Annotated[StrictInt, BeforeValidator(_whole)],
    str: Text,
    bool: Truth,
}


class AgentV2Wrapper(AgentSpecV2Base[AgentInput, AgentOutput], Generic[P, R]):
    """A function as an agent.

    Its parameters are the fields of the input, or its only parameter is the input: an AgentInput by its annotation or
    by ``input_model``. What it returns is the output if that is an AgentOutput or fits ``output_model``; else it is the
    output's only field, ``result``. A function of floats stays one. Exceptions of the types in ``mistakes`` are the
    user's mistakes; all others are bugs and propagate. Raises TypeError where the annotations do not say enough.
    """

    def __init__(
        self,
        function: Callable[P, R],
        *,
        agent_id: str = "",
        version: str = "1.0.0",
        input_model: type[AgentInput] | None = None,
        output_model: type[AgentOutput] | None = None,
        mistakes: tuple[type[Exception], ...] = (),
    ) -> None:
        self.name: str = getattr(function, "__name__", "")
        if not self.name or any(kind(function) for kind in _OTHER):
            raise TypeError(f"{self.name or type(function).__name__} is no plain function: write one around it")
        update_wrapper(self, function, updated=())
        self.agent_id = agent_id or f"{function.__module__}/{self.name}"
        self.version = version
        self.function = function
        self.mistakes = mistakes
        try:
            self._read(inspect.signature(function).parameters, input_model, output_model)
        except (NameError, ValidationError, PydanticUserError) as error:
            raise TypeError(f"{self.name}: {error}") from error
        super().__init__()

    def _read(
        self,
        parameters: Mapping[str, inspect.Parameter],
        input_model: type[AgentInput] | None,
        output_model: type[AgentOutput] | None,
    ) -> None:
        """The models, and how the fields of the input become arguments."""
        types = get_type_hints(self.function, include_extras=True)
        returned = types.pop("return", None)
        stated = input_model or next((t for t in types.values() if _is(t, AgentInput)), None)
        if stated is not None and len(parameters) != 1:
            raise TypeError(f"{self.name} takes an input model, so it takes nothing else")
        self._whole = stated is not None
        self._fields = {} if stated else _field_names(parameters)
        self._positional = [p.name for p in parameters.values() if p.kind is p.POSITIONAL_ONLY]
        self.input_model = stated or _input_model(self.name, parameters, types, self._fields)
        self._bare = output_model is None and not _is(returned, AgentOutput)
        self.output_model = _output_model(self.name, returned) if self._bare else output_model or returned

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """The function itself: nothing is checked, nothing is recorded."""
        return self.function(*args, **kwargs)

    def execute(self, given: AgentInput, context: ExecutionContext) -> AgentOutput:
        """Call the function; it is the only link of the chain."""
        try:
            with context.link(self.name, given.as_dict()) as link:
                link.result = result = self._call(given)
        except Refusal:
            raise
        except self.mistakes as mistake:
            raise InvalidInput(str(mistake)) from mistake
        return self.output_model.model_validate({"result": result} if self._bare else result)

    def _call(self, given: AgentInput) -> object:
        function: Callable[..., object] = self.function
        if self._whole:
            return function(given)
        values = {name: getattr(given, field) for name, field in self._fields.items()}
        ordered = [values.pop(name) for name in self._positional]
        return function(*ordered, **values)


def wrap(
    function: Callable[P, R],
    *,
    agent_id: str = "",
    version: str = "1.0.0",
    input_model: type[AgentInput] | None = None,
    output_model: type[AgentOutput] | None = None,
    mistakes: tuple[type[Exception], ...] = (),
) -> AgentV2Wrapper[P, R]:
    """The function as an agent. See `AgentV2Wrapper`."""
    return AgentV2Wrapper(
        function,
        agent_id=agent_id,
        version=version,
        input_model=input_model,
        output_model=output_model,
        mistakes=mistakes,
    )


def as_agent(
    agent_id: str = "", version: str = "1.0.0", *, mistakes: tuple[type[Exception], ...] = ()
) -> Callable[[Callable[P, R]], AgentV2Wrapper[P, R]]:
    """`wrap` as a decorator."""
    return lambda function: AgentV2Wrapper(function, agent_id=agent_id, version=version, mistakes=mistakes)


def _is(kind: object, base: type) -> bool:
    return isinstance(kind, type) and issubclass(kind, base)


def _field_names(parameters: Iterable[str]) -> dict[str, str]:
    """The parameters' names, changed where one would hide something of the model."""
    return {
        name: f"p{number}{name}" if name.startswith("_") or hasattr(AgentInput, name) else name
        for number, name in enumerate(parameters)
    }


def _input_model(
    name: str, parameters: Mapping[str, inspect.Parameter], types: Mapping[str, Any], names: Mapping[str, str]
) -> type[AgentInput]:
    fields: dict[str, Any] = {}
    for parameter in parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) or parameter.name not in types:
            raise TypeError(f"{name}: the parameter {parameter} has no annotation of its own")
        kind, default = _typed(types[parameter.name]), parameter.default
        if default is None:
            kind = Optional[kind]  # noqa: UP045 - of a value
        default = ... if default is parameter.empty else TypeAdapter(kind).validate_python(default)
        fields[names[parameter.name]] = (kind, Field(default, alias=parameter.name))
    return create_model(f"{name}_input", __base__=AgentInput, **fields)


def _output_model(name: str, returned: Any) -> type[AgentOutput]:
    if returned is None:
        raise TypeError(f"{name}: what is returned has no annotation")
    return create_model(f"{name}_output", __base__=AgentOutput, result=(_typed(returned), ...))


def _typed(annotation: Any) -> Any:
    """An annotation with the numbers, texts and truth values inside it read as the SDK reads them."""
    if isinstance(annotation, type) and not get_args(annotation):
        return _FIELDS.get(annotation, annotation)
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Literal or not parts:
        return annotation
    if origin is Annotated:
        return Annotated[(_typed(parts[0]), *parts[1:])]
    inside = tuple(_typed(part) for part in parts)
    return Union[inside] if origin in (Union, UnionType) else origin[inside]  # noqa: UP007 - of a tuple
