"""Who the patients are: registry, searches of INSi, lists verified by the box, and the last look before anything leaves."""
