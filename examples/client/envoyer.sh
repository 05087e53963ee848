#!/usr/bin/env bash
# Confie un document à Relais avec curl seul, et affiche le récépissé.
#
#   RELAIS_API=https://relais.local/api/v1 RELAIS_CA=lan-ca.pem RELAIS_JETON=fichier-du-jeton envoyer.sh document.pdf demande.json
#
# Sort avec 0 quand le document est accepté, 2 quand il est refusé, 3 quand le boîtier ne répond pas.
# La clé d'envoi est toujours la même pour le même contenu : relancer cette commande n'envoie jamais deux fois.
set -euo pipefail

document=$1 demande=$2
case $document in
    *.xml) type=application/xml ;;
    *) type=application/pdf ;;
esac
cle=$(cat "$document" "$demande" | sha256sum | cut -d ' ' -f 1)
recepisse=$(mktemp)
trap 'rm -f "$recepisse"' EXIT

# Le jeton passe par l'entrée de curl : une ligne de commande se lit dans la liste des processus.
statut=$(
    printf 'Authorization: Bearer %s\n' "$(cat "$RELAIS_JETON")" |
        curl --silent --show-error --cacert "$RELAIS_CA" --header @- --header "Idempotency-Key: $cle" \
            --retry "${RELAIS_ESSAIS:-5}" --retry-all-errors --max-time 60 \
            --form "request=@$demande;type=application/json" --form "file=@$document;type=$type" \
            --output "$recepisse" --write-out '%{http_code}' "$RELAIS_API/documents"
) || exit 3

cat "$recepisse"
echo
case $statut in
    200 | 202) exit 0 ;;
    *) exit 2 ;;
esac
