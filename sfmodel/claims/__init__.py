"""Claims of operators, checked on runs: pass, fail, or undecided."""

from sfmodel.claims.checking import Checked, Given, check
from sfmodel.claims.claims import Claim, Claims, read_claims

__all__ = ["Checked", "Claim", "Claims", "Given", "check", "read_claims"]
