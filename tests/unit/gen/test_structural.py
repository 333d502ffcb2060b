"""The generator refuses what a structural schema cannot say, and keeps what it can."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, create_model
from slmeval_api.base import LIST_MAP, Cpu, Rule, rules

from hack.gen.structural import NotStructuralError, structural_schema

Text = Annotated[str, Field(max_length=8)]
Number = Annotated[int, Field(le=9)]


def model_with(annotation: Any, default: Any = ...) -> type[BaseModel]:
    """Return a model `M` with the one field `f`."""
    return create_model("M", f=(annotation, default))


def field_of(annotation: Any, default: Any = ...) -> dict[str, Any]:
    """Return the structural schema of a field."""
    schema = structural_schema(model_with(annotation, default))
    return dict(schema["properties"]["f"])


class Inner(BaseModel):
    """A part."""

    text: Text


class TestWhatCannotBeEnforcedIsRefused:
    @pytest.mark.parametrize(
        ("annotation", "says"),
        [
            (Text | Number, "a union"),
            (Text | Number | None, "a union"),
            (Inner | Text, "a union"),
            (Any, "type None"),
            (float, "type 'number'"),
            (Annotated[float, Field(le=1)], "type 'number'"),
            (dict[str, Text], "an open dict"),
            (dict[str, Any], "an open dict"),
            (str, "no maxLength"),
            (Annotated[str, Field(pattern="^a+$")], "no maxLength"),
            (int, "no maximum"),
            (Annotated[int, Field(ge=0)], "no maximum"),
            (list[Text], "no maxItems"),
            (Annotated[list[str], Field(max_length=2)], "no maxLength"),
            (Annotated[dict[str, str], Field(max_length=2)], "no maxLength"),
        ],
    )
    def test_of_this_form(self, annotation: Any, says: str) -> None:
        with pytest.raises(NotStructuralError) as error:
            structural_schema(model_with(annotation))
        assert says in str(error.value)
        assert str(error.value).startswith("M.f"), "the message begins with the field's path"

    def test_it_says_the_path_and_the_cure_also_far_below(self) -> None:
        below = create_model("Below", ratio=(float, ...))
        model = model_with(Annotated[list[below], Field(max_length=2)])
        with pytest.raises(NotStructuralError) as error:
            structural_schema(model)
        assert str(error.value) == (
            "M.f[].ratio: type 'number'; use a decimal string or a fixed model"
        )


class TestWhatCanBeEnforcedIsKept:
    def test_bounds_of_text(self) -> None:
        annotation = Annotated[str, Field(pattern="^a+$", min_length=1, max_length=3)]
        expected = {"type": "string", "pattern": "^a+$", "minLength": 1, "maxLength": 3}
        assert field_of(annotation) == expected

    def test_an_optional_field_is_its_form_without_null_or_default(self) -> None:
        assert field_of(Text | None, None) == {"type": "string", "maxLength": 8}

    def test_a_default_is_kept_and_the_field_is_not_required(self) -> None:
        schema = structural_schema(model_with(Number, 3))
        assert schema["properties"]["f"] == {"type": "integer", "maximum": 9, "default": 3}
        assert "required" not in schema

    def test_one_allowed_value_is_an_enum_of_its_own_type(self) -> None:
        assert field_of(Literal[1]) == {"type": "integer", "enum": [1]}
        assert field_of(Literal["a"]) == {"type": "string", "enum": ["a"]}

    def test_a_list_without_a_kind_is_replaced_as_a_whole(self) -> None:
        schema = field_of(Annotated[list[Text], Field(max_length=2)])
        assert schema["x-kubernetes-list-type"] == "atomic"

    def test_a_list_that_is_a_map_stays_one(self) -> None:
        annotation = Annotated[list[Inner], Field(max_length=2, json_schema_extra=LIST_MAP)]
        assert field_of(annotation)["x-kubernetes-list-type"] == "map"

    def test_a_bounded_dict_has_the_form_of_its_values(self) -> None:
        assert field_of(Annotated[dict[str, Text], Field(max_length=2)]) == {
            "type": "object",
            "maxProperties": 2,
            "additionalProperties": {"type": "string", "maxLength": 8},
        }

    def test_a_dict_with_patterned_keys_has_them_too(self) -> None:
        keyed = dict[Annotated[str, Field(pattern="^a$")], Text]
        schema = field_of(Annotated[keyed, Field(max_length=2)])
        assert schema["additionalProperties"] == {"type": "string", "maxLength": 8}

    def test_a_number_that_may_be_text_has_the_one_form_that_a_structural_schema_allows(
        self,
    ) -> None:
        schema = field_of(Cpu)
        assert "type" not in schema
        assert schema["x-kubernetes-int-or-string"] is True
        assert schema["anyOf"] == [{"type": "integer"}, {"type": "string"}]
        assert schema["pattern"]

    def test_rules_reach_the_schema(self) -> None:
        rule = Rule("self.f > 0", "f must be above 0", lambda m: m.f > 0)
        field = Annotated[int, Field(le=9, json_schema_extra=rules(rule))]
        assert field_of(field)["x-kubernetes-validations"] == [
            {"rule": "self.f > 0", "message": "f must be above 0"}
        ]
