"""The policy: every threshold in one immutable object, and the only place that decides.

Stages gather evidence; the policy turns it into allow, review or block, stage by stage:

1. whitelist: the whole text is an allow term of match ``text``: allow;
2. blacklist: a block term at ``lexicon.block_severity`` or above: block; at ``review_severity`` or
   above: at least review; any hit at ``trigger_severity`` or above goes on to the classifier. A
   category may have severities of its own;
3. trigger: below its threshold the classifier is not worth running: allow, but a seeded share of
   these rows (``audit.rate``) goes on all the same, so that misses are seen, and so do texts with
   signs of obfuscation (``trigger.obfuscated``);
4. classifier: allow when the score is surely below ``review``, block when it is surely at or above
   ``block``, else review. Surely means with the uncertainty: score plus, or minus,
   ``uncertainty.reach`` times the spread over the dropout samples. A label may have thresholds of
   its own, which only ever raise the decision;
5. default: what no stage decided, and texts without anything to read, whatever their score.

A stage in ``shadow.stages`` gathers its evidence and has no say. Lower bounds are inclusive.
"""

from moddefense.policy.file import policy_findings, read_policy
from moddefense.policy.settings import (
    DECIDERS,
    DECISIONS,
    STAGES,
    CategoryRule,
    LabelRule,
    Policy,
)

__all__ = [
    "DECIDERS",
    "DECISIONS",
    "STAGES",
    "CategoryRule",
    "LabelRule",
    "Policy",
    "policy_findings",
    "read_policy",
]
