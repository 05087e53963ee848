"""What is refused about the workstations of the box: of the tree of `kernel.errors`.

Refused
├── WorkstationsReserved      only the operator adds, names, renews and takes away
├── WorkstationNotFound       no such workstation, or no more
├── WorkstationNameTaken      another workstation has this name
├── OperatorNameFixed         the operator's name is its right
└── LastOperator              the box would be left without anybody to let others in
"""

from __future__ import annotations

from gateway.kernel.errors import Refused


class WorkstationsReserved(Refused):
    """A workstation that is paired says nothing about the others."""

    code = "workstations-reserved"
    status = 403
    title = "Réservé à l'accès installateur"
    who = "votre installateur"
    what = "Ajouter, renommer ou retirer un poste ne se fait que depuis l'accès installateur."
    gesture = "Demandez à votre installateur."


class WorkstationNotFound(Refused):
    """Unknown, already revoked, or of other structures than the caller's."""

    code = "workstation-not-found"
    status = 404
    title = "Poste inconnu"
    who = "votre installateur"
    what = "Aucun poste associé n'a cet identifiant : il a peut-être déjà été retiré."
    gesture = "Relisez la liste des postes, puis recommencez avec l'identifiant qu'elle donne."


class WorkstationNameTaken(Refused):
    """Readers and scanners follow names: two workstations never have the same."""

    code = "workstation-name-taken"
    status = 409
    title = "Nom de poste déjà pris"
    who = "le secrétariat"
    what = "Un poste porte déjà ce nom, ou ce nom est réservé."
    gesture = "Choisissez un autre nom, puis recommencez."


class OperatorNameFixed(Refused):
    """The box knows its operators by their name."""

    code = "operator-name-fixed"
    status = 409
    title = "Nom réservé"
    who = "votre installateur"
    what = "Un accès installateur ne change pas de nom."
    gesture = "Renommez un poste ordinaire, ou retirez cet accès et ajoutez un poste."


class LastOperator(Refused):
    """Without an operator nobody could open the pairing of a box without a button."""

    code = "last-operator"
    status = 409
    title = "Dernier accès installateur"
    who = "votre installateur"
    what = "C'est le dernier accès installateur du boîtier : il n'est pas retiré."
    gesture = "Ajoutez d'abord un autre accès installateur (relais workstation add --operator), puis retirez celui-ci."
