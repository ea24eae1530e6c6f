"""What is decided when a search has run: who won, what is trained once more, and what stands for it."""

from hpsearch.scheduling.conclusion.conclusion import BestModel, Conclusion, conclude_search
from hpsearch.scheduling.conclusion.verdict import NamedReplicate, Verdict, name_of

__all__ = ["BestModel", "Conclusion", "NamedReplicate", "Verdict", "conclude_search", "name_of"]
