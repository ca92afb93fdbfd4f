"""The protocol of scikit-learn's estimators: arguments that tools read, change and copy."""

from inspect import signature
from typing import Any, ClassVar, Self

from lstm import checks
from lstm.interface import Interface


class Estimator(Interface):
    """Base of estimators, whose constructors keep each argument in an attribute of its name.

    Attributes:
        kind: "classifier", "regressor", "transformer", or "estimator" for any other.
    """

    kind: ClassVar[str] = "estimator"

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the arguments of the constructor.

        Args:
            deep: also arguments within arguments, where there are some.
        """
        return {name: getattr(self, name) for name in signature(type(self)).parameters}

    def set_params(self, **params: Any) -> Self:
        """Change arguments of the constructor; they are checked in `fit`.

        Raises:
            InvalidValueError: there is no such argument.
        """
        known = tuple(signature(type(self)).parameters)
        for name in params:
            checks.one_of("parameter", name, known)
        vars(self).update(params)
        return self

    def __sklearn_tags__(self) -> Any:
        # Only scikit-learn calls this.
        from sklearn import utils

        kind = self.kind
        tags = utils.Tags(
            estimator_type=kind if kind in ("classifier", "regressor") else None,
            target_tags=utils.TargetTags(
                required=kind in ("classifier", "regressor"), multi_output=kind == "regressor"
            ),
            input_tags=utils.InputTags(three_d_array=True),
            classifier_tags=utils.ClassifierTags() if kind == "classifier" else None,
            regressor_tags=utils.RegressorTags() if kind == "regressor" else None,
            # Whatever has an attribute of this name, to scikit-learn.
            transformer_tags=utils.TransformerTags() if hasattr(self, "transform") else None,
        )
        tags.non_deterministic = True
        return tags

    @property
    def _estimator_type(self) -> str:
        """What scikit-learn before 1.6 asks for instead of tags."""
        return self.kind

    def __repr__(self) -> str:
        given = self.get_params(deep=False).items()
        usual = {name: p.default for name, p in signature(type(self)).parameters.items()}
        shown = (f"{k}={v!r}" for k, v in given if repr(v) != repr(usual[k]))
        return f"{type(self).__name__}({', '.join(shown)})"
