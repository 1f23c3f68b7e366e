"""What settings mean, as their authors wrote it under each: read from the source, so that no start of the hub waits."""

from __future__ import annotations

import ast
import inspect
import textwrap
from itertools import pairwise
from typing import cast

from pydantic import BaseModel


def meanings(model: type[BaseModel]) -> dict[str, str]:
    """Return what each field of a model means: its `description`, else the words under it in the source."""
    found: dict[str, str] = {}
    for each in reversed(model.__mro__):
        if issubclass(each, BaseModel) and each is not BaseModel:
            body = cast("ast.ClassDef", ast.parse(textwrap.dedent(inspect.getsource(each))).body[0]).body
            for line, below in pairwise(body):
                match line, below:
                    case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                        found[name] = inspect.cleandoc(words)
    return found | {name: field.description for name, field in model.model_fields.items() if field.description}
