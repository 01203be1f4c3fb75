"""Signs in with MSAL for Python as Debian ships it, by secret and by certificate.

Reads one JSON object from standard input: url, caFile, tenantId, clientId, clientSecret,
thumbprint, privateKey, pem. Writes one: for each way the name of the organization that the token
opens, or the error.
"""
import json
import os
import sys

import msal
import requests

SCOPES = ["https://graph.microsoft.com/.default"]


def organization(given, credential):
    app = msal.ConfidentialClientApplication(
        given["clientId"],
        client_credential=credential,
        authority=given["url"] + "/" + given["tenantId"],
        # Otherwise it asks Microsoft who this host is.
        validate_authority=False,
    )
    result = app.acquire_token_for_client(SCOPES)
    if "access_token" not in result:
        return result.get("error_codes")
    answer = requests.get(
        given["url"] + "/v1.0/organization",
        headers={"Authorization": "Bearer " + result["access_token"]},
        timeout=10,
    )
    return answer.json()["value"][0]["displayName"]


def main():
    given = json.load(sys.stdin)
    # It goes before whatever a session is told, so it is what has to be set.
    os.environ["REQUESTS_CA_BUNDLE"] = given["caFile"]
    certificate = {"thumbprint": given["thumbprint"], "private_key": given["privateKey"]}
    json.dump(
        {
            "secret": organization(given, given["clientSecret"]),
            "certificate": organization(given, certificate),
            "certificate sent along": organization(
                given, dict(certificate, public_certificate=given["pem"])
            ),
            "wrong secret": organization(given, "nonsense"),
        },
        sys.stdout,
    )


main()
