"""What a release carries besides records: the recipient's duties in words, with due times. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.agreement.spans import add
from gateway.values import Duty

if TYPE_CHECKING:
    import datetime as dt

    from gateway.agreement.index import FlowRule


def duties_of(rule: FlowRule, now: dt.datetime) -> tuple[Duty, ...]:
    """Return the duties of a provision, due times counted from `now`.

    Every duty of the file is here, also where it says `none`, so that its absence is said and not
    guessed.
    """
    duties = rule.provision.duties
    made = [Duty("delete_after", add(now, duties.delete_after), "delete what was received")]
    if duties.attest_deletion is not None:
        due = add(add(now, duties.delete_after), duties.attest_deletion)
        made.append(Duty("attest_deletion", due, "attest the deletion"))
    if duties.review is not None:
        due = add(now, duties.review)
        made.append(Duty("review", due, "have this exchange reviewed by a person, and attest it"))
    onward = ", ".join(duties.onward) or "none"
    made.append(Duty("onward", None, f"may be passed on to: {onward}"))
    if duties.reidentify == "forbid":
        made.append(Duty("reidentify", None, "identify nobody"))
    if duties.contact == "forbid":
        made.append(Duty("contact", None, "contact nobody"))
    publish = "after the steward's review" if duties.publish == "steward_review" else "no"
    made.append(Duty("publish", None, f"publication: {publish}"))
    made.append(Duty("breach_notice", None, f"report a breach within {duties.breach_notice.text}"))
    made.append(Duty("recall", None, f"act on a recall within {duties.recall.text}"))
    if duties.notice is not None:
        # 42 CFR 2.32 and its like: the words themselves travel with what they are about.
        text = f"{duties.notice}\n{rule.notice}".strip()
        made.append(Duty("notice", None, text))
    compelled = rule.pact.agreement.compelled
    made.append(
        Duty("compelled", None, f"a compelled disclosure goes to {compelled.route}, by people only")
    )
    return tuple(made)
