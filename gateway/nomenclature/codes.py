"""The one import of a user of the national tables: every lookup, its value and its refusals, in one place.

    from gateway.nomenclature import codes
    codes.class_of_type("57833-6")        # Concept("42", "1.2.250.1.213.1.1.4.1", "Prescription")

Never holds a table itself: `documents` and `actors` do the lookups, `tables` reads the files.
"""

from __future__ import annotations

from gateway.kernel.concept import Concept
from gateway.nomenclature.actors import (
    author_specialty,
    content_type,
    facility_type,
    function,
    practice_setting,
    profession,
    savoir_faire,
)
from gateway.nomenclature.documents import (
    UNSTRUCTURED_TEMPLATE,
    class_of_type,
    confidentiality,
    document_class,
    document_format,
    document_type,
    format_accepted_by_dmp,
    format_of_media,
    format_of_templates,
    visibility,
)
from gateway.nomenclature.refusals import (
    TypeWithoutClass,
    UnknownCode,
    UnknownDocumentType,
)
from gateway.nomenclature.tables import TableInfo, tables

__all__ = [
    "UNSTRUCTURED_TEMPLATE",
    "Concept",
    "TableInfo",
    "TypeWithoutClass",
    "UnknownCode",
    "UnknownDocumentType",
    "author_specialty",
    "class_of_type",
    "confidentiality",
    "content_type",
    "document_class",
    "document_format",
    "document_type",
    "facility_type",
    "format_accepted_by_dmp",
    "format_of_media",
    "format_of_templates",
    "function",
    "practice_setting",
    "profession",
    "savoir_faire",
    "tables",
    "visibility",
]
