"""What somebody should know who shares a porchlight, in plain words. No input or output here.

The headings are those of docs/risk.md, and each sentence stands there too, with more around it
(tests/page/test_risk.py holds them together).
"""

from appliance.certificate.outcome import PUBLIC_FOR_EVER
from appliance.text import Text, text

# By heading, in the order of docs/risk.md.
PARTS: dict[Text, tuple[Text, ...]] = {
    text("What others learn about you"): (
        text(
            "Whoever has the link knows your home's address on the internet. A name, such as one from duckdns.org, "
            "leads to the same address. It does not say where you live, but your provider knows, and a court can ask "
            "it."
        ),
        text(
            "Those who block WhatsApp may get the link too. They can block your address in their country, and write "
            "it down. A relay cannot be hidden from them."
        ),
        text(
            "Your provider sees that strangers' data goes through your line, how much and when, and that it goes to "
            "WhatsApp. Whoever watches your line sees from which addresses people come."
        ),
        PUBLIC_FOR_EVER,
    ),
    text("What you do not learn, and cannot be made to tell"): (
        text("Nobody can read messages or hear calls on the way, not even you: the apps encrypt them."),
        text(
            "porchlight keeps no trace of who used it. Whoever takes the card finds your settings, the account of "
            "your name and rounded sums, and nothing about those whom you helped."
        ),
    ),
    text("What could happen"): (
        text(
            "Your address may get blocked where it is needed. So give the link to few people. Many providers give a "
            "new address when the router restarts."
        ),
        text(
            "Your line may be slower in the evening. A limit for the speed, one for the month, or a rest of an hour "
            "helps."
        ),
        text("Seldom, somebody floods your line. Turn the relay off or pull the plug; a new address helps for longer."),
        text(
            "Some providers forbid servers at home. Read their terms, and turn porchlight off when your provider "
            "asks you to."
        ),
        text(
            "If a letter comes about something that went through your line, answer that this is a relay that leads "
            "to WhatsApp's servers and to nothing else, and show this page. Before you say more, ask a lawyer or a "
            "group for digital rights."
        ),
    ),
    text("The law"): (
        text(
            "In most countries passing on other people's data is legal, and whoever passes it on unread and "
            "unchanged does not answer for it. In some it is forbidden or needs a permit, as VPNs do: do not run a "
            "relay there, or you may get into trouble with the police. This page is no legal advice."
        ),
        text(
            "If you live in a country that blocks WhatsApp, do not run a relay there. It would help nobody, since it "
            "is behind the same block, and it would endanger you."
        ),
    ),
    text("Stopping"): (
        text(
            "Pulling the plug is always allowed. The switch on the start page ends all connections within seconds, "
            "and a rest does so for an hour."
        ),
        text("“Forget everything” in the settings removes all that was saved. So does writing the card anew."),
        text(
            "Ports that porchlight opened in your router close when it is shut down, or within two hours after the "
            "plug is pulled. Some routers keep them, and those opened by hand stay: close these in the router's menu."
        ),
    ),
}
