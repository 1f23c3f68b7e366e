"""The data model of the stand-in: entity sets with the field kinds of 1C, and their `$metadata`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from xml.sax.saxutils import quoteattr

from msgspec import Struct

EMPTY_KEY = "00000000-0000-0000-0000-000000000000"
EMPTY_DATE = "0001-01-01T00:00:00"
UNDEFINED = "StandardODATA.Undefined"
EMPTY: Mapping[str, object] = {
    "Guid": EMPTY_KEY, "String": "", "Fixed": "", "Enum": "", "Any": "", "DateTime": EMPTY_DATE, "Boolean": False,
    "Double": 0, "Int64": "0", "Int16": 0,
}  # fmt: skip
_EDM = {"Fixed": "String", "Enum": "String", "Any": "String"}


def sort_key(key: str) -> str:
    """Return what 1C sorts a reference by: its stored bytes, which is not the order of its text."""
    return key[19:23] + key[24:] + key[14:18] + key[9:13] + key[:8]


class Field(Struct, frozen=True):
    """One property: `kind` is an Edm type or Fixed, Enum, Any (composite) or Part; a reference has a `target` set."""

    name: str
    kind: str = "String"
    target: str = ""
    length: int = 0
    members: tuple[str, ...] = ()
    columns: tuple[Field, ...] = ()

    @property
    def navigation(self) -> str:
        """Return the name of the navigation property, empty when this is no reference."""
        return self.name.removesuffix("_Key") if self.target else ""


def text(*names: str) -> list[Field]:
    """Return string fields."""
    return [Field(name) for name in names]


def fixed(name: str, length: int) -> Field:
    """Return a string of fixed length, which comes padded with blanks."""
    return Field(name, "Fixed", length=length)


def ref(name: str, target: str) -> Field:
    """Return a reference of one type: `<name>_Key`."""
    return Field(f"{name}_Key", "Guid", target=target)


def composite(name: str) -> Field:
    """Return a field of a composite type: `<name>` with `<name>_Type`."""
    return Field(name, "Any")


def enum(name: str, *members: str) -> Field:
    """Return a field that holds the name of an enumeration member."""
    return Field(name, "Enum", members=members)


def part(name: str, *columns: Field | Iterable[Field]) -> Field:
    """Return a tabular part."""
    return Field(name, "Part", columns=flat(Field("Ref_Key", "Guid"), Field("LineNumber", "Int64"), *columns))


def flat(*items: Field | Iterable[Field]) -> tuple[Field, ...]:
    """Return fields and lists of fields as one tuple."""
    return tuple(field for item in items for field in ((item,) if isinstance(item, Field) else item))


class Model(Struct, frozen=True):
    """One entity set with its fields; the key is `Ref_Key` unless a register has another."""

    name: str
    fields: tuple[Field, ...]
    owner: str = ""
    key: tuple[str, ...] = ("Ref_Key",)

    def field(self, name: str) -> Field | None:
        """Return the field, also for the `_Type` of a composite one."""
        for it in self.fields:
            if it.name == name or (it.kind == "Any" and f"{it.name}_Type" == name):
                return it
        return None

    def reference(self, name: str) -> Field | None:
        """Return the reference behind a navigation property."""
        return next((it for it in self.fields if it.navigation == name), None)

    @property
    def parts(self) -> tuple[Field, ...]:
        """Return the tabular parts."""
        return tuple(it for it in self.fields if it.kind == "Part")

    def rows_of(self, it: Field) -> Model:
        """Return the read-only set of a tabular part."""
        return Model(f"{self.name}_{it.name}", it.columns, owner=self.name)


def catalog(name: str, *fields: Field | Iterable[Field], coded: bool = True, folders: bool = False) -> Model:
    """Return a catalogue with the standard fields of its kind."""
    standard = [Field("Ref_Key", "Guid"), Field("DataVersion"), Field("DeletionMark", "Boolean")]
    standard += [Field("Description", length=100)]
    standard += [Field("Code")] if coded else []
    standard += [Field("Parent_Key", "Guid", target=f"Catalog_{name}"), Field("IsFolder", "Boolean")] if folders else []
    return Model(f"Catalog_{name}", flat(standard, *fields, Field("Predefined", "Boolean"), text("PredefinedDataName")))


def document(name: str, *fields: Field | Iterable[Field]) -> Model:
    """Return a document with the standard fields of its kind."""
    standard = [Field("Ref_Key", "Guid"), Field("DataVersion"), fixed("Number", 11), Field("Date", "DateTime"),
                Field("DeletionMark", "Boolean"), Field("Posted", "Boolean")]  # fmt: skip
    return Model(f"Document_{name}", flat(standard, *fields))


def chart(name: str, *fields: Field | Iterable[Field]) -> Model:
    """Return a chart of accounts, whose codes look like 62.01."""
    made = catalog(name, *fields)
    return Model(f"ChartOfAccounts_{name}", made.fields)


def metadata(
    models: Mapping[str, Model], filler: int = 0, functions: Iterable[tuple[str, str]] = (), *, by_path: bool = False,
    shows_lengths: bool = False,
) -> bytes:  # fmt: skip
    """Return the EDMX of these sets, with so many types of other objects as a real base has beside them.

    `functions` are virtual tables as (name, type); `by_path` binds them by `EntitySetPath` as some publications do, and
    `shows_lengths` tells how long a text may be.
    """
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<edmx:Edmx xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx" Version="1.0">',
        f'<edmx:DataServices xmlns:m="{METADATA_SPACE}" m:DataServiceVersion="3.0" m:MaxDataServiceVersion="3.0">',
        '<Schema xmlns="http://schemas.microsoft.com/ado/2009/11/edm" Namespace="StandardODATA">',
    ]
    for model in models.values():
        lines += _entity_type(model, models, shows_lengths=shows_lengths)
    for number in range(filler):
        lines += _entity_type(Model(f"Catalog_Прочее{number}", _FILLER), {})
    for model in models.values():
        lines += _complex_types(model)
        tables = [model, *(model.rows_of(it) for it in model.parts)]
        lines += [_association(table.name, it) for table in tables for it in table.fields if it.target]
    lines += ['<EnumType Name="AllowedLength"><Member Name="Переменная"/></EnumType>'] * 2
    lines += ['<EntityContainer Name="EnterpriseV8" m:IsDefaultEntityContainer="true">']
    lines += [f'<EntitySet Name="{name}" EntityType="StandardODATA.{name}"/>' for name in _all_names(models)]
    lines += [f'<EntitySet Name="Catalog_Прочее{number}" EntityType="StandardODATA.Catalog_Прочее{number}"/>'
              for number in range(filler)]  # fmt: skip
    documents = [name for name in models if name.startswith("Document_")]
    lines += [_function(verb, name) for name in documents for verb in ("Post", "Unpost")]
    lines += [_function(verb, name, is_table=True, by_path=by_path) for verb, name in functions]
    lines += ["</EntityContainer>", "</Schema>", "</edmx:DataServices>", "</edmx:Edmx>"]
    return "\n".join(lines).encode()


METADATA_SPACE = "http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"
_FILLER = flat(Field("Ref_Key", "Guid"), Field("DataVersion"), [Field(f"РеквизитСправочника{n}") for n in range(40)])


def _association(name: str, it: Field) -> str:
    begin = f'<End Role="Begin" Type="StandardODATA.{name}" Multiplicity="*"/>'
    end = f'<End Role="End" Type="StandardODATA.{it.target}" Multiplicity="0..1"/>'
    return f'<Association Name="{name}_{it.navigation}">{begin}{end}</Association>'


def _function(verb: str, name: str, *, is_table: bool = False, by_path: bool = False) -> str:
    effect = "false" if is_table else "true"
    head = f'<FunctionImport Name="{verb}" IsBindable="true" IsSideEffecting="{effect}"'
    if by_path:
        return f'{head} EntitySetPath="{name}"/>'
    binding = f'<Parameter Name="bindingParameter" Type="StandardODATA.{name}"/>'
    return f"{head}>{binding}</FunctionImport>"


def _all_names(models: Mapping[str, Model]) -> Iterator[str]:
    for model in models.values():
        yield model.name
        yield from (model.rows_of(it).name for it in model.parts)


def _entity_type(model: Model, models: Mapping[str, Model], *, shows_lengths: bool = False) -> Iterator[str]:
    is_open = ' OpenType="true"' if any(it.kind == "Any" for it in model.fields) else ""
    keys = ("Ref_Key", "LineNumber") if model.owner else model.key
    yield f'<EntityType Name="{model.name}"{is_open}><Key>'
    yield from (f'<PropertyRef Name="{key}"/>' for key in keys)
    yield "</Key>"
    yield from _properties(model, keys, shows_lengths=shows_lengths)
    for it in model.fields:
        if it.target in models:  # a navigation property exists only when its target is published
            link = f'Relationship="StandardODATA.{model.name}_{it.navigation}" FromRole="Begin" ToRole="End"'
            yield f'<NavigationProperty Name="{it.navigation}" {link}/>'
    yield "</EntityType>"
    for it in model.parts:
        yield from _entity_type(model.rows_of(it), models)


def _complex_types(model: Model) -> Iterator[str]:
    for it in model.parts:
        rows = model.rows_of(it)
        yield f'<ComplexType Name="{rows.name}_RowType">'
        yield from _properties(rows, ())
        yield "</ComplexType>"


def _properties(model: Model, keys: tuple[str, ...], *, shows_lengths: bool = False) -> Iterator[str]:
    for it in model.fields:
        kind = f"Edm.{_EDM.get(it.kind, it.kind)}"
        if it.kind == "Part":
            kind = f"Collection(StandardODATA.{model.name}_{it.name}_RowType)"
        nullable = "false" if it.name in keys else "true"
        length = f' MaxLength="{it.length}"' if shows_lengths and it.length else ""
        yield f'<Property Name={quoteattr(it.name)} Type="{kind}" Nullable="{nullable}"{length}/>'
        if it.kind == "Any":
            yield f'<Property Name="{it.name}_Type" Type="Edm.String" Nullable="true"/>'
