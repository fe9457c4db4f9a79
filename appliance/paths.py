"""Where porchlight keeps its files: on the card by default, elsewhere by option or for the demo.

``/var/lib/porchlight`` is the data partition, ``/run/porchlight`` is RAM, and ``/boot/firmware`` is the FAT
partition that any computer can open (docs/image.md).
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Paths:
    """The places that one instance of porchlight uses.

    Args:
        owner_file: the settings file that the owner edits by hand.
        state: what must outlive a reboot; one folder for each service.
        run: what is made anew at each boot; one folder for each service.
    """

    owner_file: Path = Path("/boot/firmware/porchlight.toml")
    state: Path = Path("/var/lib/porchlight")
    run: Path = Path("/run/porchlight")

    @property
    def shown_settings(self) -> Path:
        """The owner's file without its secrets, as the initramfs shows it to services that talk with the outside."""
        return self.run / "firmware" / self.owner_file.name

    @property
    def saved_settings(self) -> Path:
        """What the setup page saved, for every service to read: what is a secret of it stands elsewhere."""
        return self.state / "settings" / "saved.toml"

    @property
    def saved_secrets(self) -> Path:
        """What is a secret of that: written by the page, read by the name service, and by the firewall for its rule."""
        return self.state / "name" / "saved.toml"

    @property
    def relay_state(self) -> Path:
        """The relay's own folder: its certificate and key, and the month's count."""
        return self.state / "relay"

    @property
    def page_state(self) -> Path:
        """The page's own folder: the password's hash, the session key, the claim code."""
        return self.state / "page"

    @property
    def relay_status(self) -> Path:
        """What the relay says about itself, about once a second."""
        return self.run / "relay" / "status.json"

    @property
    def relay_upstreams(self) -> Path:
        """The upstreams' last good addresses, for a relay process that begins while no name server answers."""
        return self.run / "relay" / "upstreams.json"

    @property
    def lights_status(self) -> Path:
        """What the lights show at this moment."""
        return self.run / "lights" / "status.json"

    @property
    def lights_request(self) -> Path:
        """What the page asks of the lights: a test of all patterns, or a blinking by which they are found."""
        return self.run / "page" / "lights.json"

    @property
    def lights_farewell(self) -> Path:
        """The lights' settings, left by them when they end, for what is shown when everything else has."""
        return self.run / "lights" / "farewell.json"

    @property
    def button_request(self) -> Path:
        """What somebody asks for with the button, for the service that may do it."""
        return self.run / "lights" / "request"

    @property
    def page_status(self) -> Path:
        """Whether this card has an owner, as the page says."""
        return self.run / "page" / "status.json"

    @property
    def router_status(self) -> Path:
        """What the router service found out."""
        return self.run / "router" / "status.json"

    @property
    def name_status(self) -> Path:
        """What the name service knows."""
        return self.run / "name" / "status.json"

    @property
    def certificate_status(self) -> Path:
        """What the certificate service knows."""
        return self.run / "certificate" / "status.json"

    @property
    def update_state(self) -> Path:
        """The updates' own folder: what became of the last one, and when somebody last looked for one."""
        return self.state / "update"

    @property
    def update_record(self) -> Path:
        """What became of the last update."""
        return self.update_state / "record.json"

    @property
    def update_looked(self) -> Path:
        """Its time is when the feed was last asked; in it stands since when that was in vain, if it was."""
        return self.update_state / "looked"

    @property
    def update_installed(self) -> Path:
        """In RAM, and so gone after a restart: there while a version was installed and the restart has not come yet."""
        return self.run / "update" / "installed"

    @property
    def update_wish(self) -> Path:
        """What the owner asks for on the page: an update at once, from the feed or from a file.

        In a folder of page and updater together: the one writes it, the other takes it away (tmpfiles.d).
        """
        return self.run / "wish" / "update"

    @property
    def update_upload(self) -> Path:
        """A bundle that the owner has brought, until it is installed; the page writes it, the updater takes it away."""
        return self.state / "upload" / "update.raucb"

    @property
    def update_download(self) -> Path:
        """A bundle that the updater has fetched whole, until it is installed; under another name than the owner's."""
        return self.update_upload.with_name("download.raucb")

    @property
    def update_status(self) -> Path:
        """What an update is doing."""
        return self.run / "update" / "status.json"

    @property
    def install_order(self) -> Path:
        """What the updater asks root to install, in a folder that no other user can write."""
        return self.run / "order" / "install"

    @property
    def slot_order(self) -> Path:
        """What the updater asks root to do with slots and device."""
        return self.run / "order" / "slot"

    @property
    def verdict(self) -> Path:
        """What the judge of a new system leaves for root, in a folder that no other user can write."""
        return self.run / "judge" / "verdict"

    @property
    def install_answer(self) -> Path:
        """How the installation goes, as root says."""
        return self.run / "install" / "status.json"

    @property
    def slot_answer(self) -> Path:
        """What became of the last order about slots and device."""
        return self.run / "slot" / "status.json"

    @property
    def trial_over(self) -> Path:
        """Root makes it when the system on trial has been marked good."""
        return self.run / "slot" / "judged"

    @property
    def firewall_status(self) -> Path:
        """From what the firewall's rules were made."""
        return self.run / "firewall" / "status.json"

    @property
    def firewall_request(self) -> Path:
        """Exists when the page has seen that the rules should be made anew."""
        return self.run / "page" / "firewall"

    @property
    def halting_note(self) -> Path:
        """Exists from the moment when the system begins to shut down."""
        return self.run / "halting"

    @property
    def router_state(self) -> Path:
        """The router service's own folder: the key from which its requests' nonces come."""
        return self.state / "router"

    @property
    def name_account(self) -> Path:
        """User name and password at the dynamic-DNS provider: written by the page, read by the name service alone."""
        return self.state / "name" / "account.toml"

    @property
    def certificate_state(self) -> Path:
        """The certificate service's folder: ``relay.pem`` for the relay's user, the rest for nobody else."""
        return self.state / "certificate"

    @property
    def issued_certificate(self) -> Path:
        """The publicly trusted certificate with its key, where there is one; the relay prefers it to its own."""
        return self.certificate_state / "relay.pem"

    @property
    def certificate_run(self) -> Path:
        """What the certificate service says, and ``challenge/``: one file for each HTTP-01 token."""
        return self.run / "certificate"

    @property
    def wifi_configuration(self) -> Path:
        """What the supplicant reads, the network's key included: for its own user only."""
        return self.run / "wifi" / "supplicant.conf"

    @property
    def wifi_country(self) -> Path:
        """Whose rules the radio keeps, for the kernel's module; root believes it, so it lies in root's own folder."""
        return self.run / "wifi-country"

    @property
    def wifi_state(self) -> Path:
        """One word: how joining the Wi-Fi network goes."""
        return self.run / "wifi" / "state"

    @property
    def screen(self) -> Path:
        """The text for a screen at the card, claim code included: for the page's user only."""
        return self.run / "page" / "screen"

    @property
    def pause(self) -> Path:
        """Until when the relay rests by the owner's wish; the page writes it, the relay reads it."""
        return self.run / "page" / "pause"

    @property
    def knock(self) -> Path:
        """The knock that the relay waits for, as a digest; the page writes it."""
        return self.run / "page" / "knock"

    @property
    def challenges(self) -> Path:
        """Answers to a certificate authority, by token; the relay gives them out on its port 80."""
        return self.run / "certificate" / "challenge"

    @property
    def data_lost_note(self) -> Path:
        """Exists when the data partition was beyond repair and was made anew at this boot."""
        return self.run / "data-lost"
