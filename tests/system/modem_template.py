"""ModemManager as python-dbusmock plays it: modems that come and go, change, send SMS and get them.

Runs under the system's Python, which has dbusmock: `python3 -m dbusmock --session --template FILE`. What a test wants
of it stands on the interface org.freedesktop.DBus.Mock of the main object.
"""

import threading

import dbus
from dbusmock import MOCK_IFACE, mockobject

BUS_NAME = "org.freedesktop.ModemManager1"
MAIN_OBJ = "/org/freedesktop/ModemManager1"
MAIN_IFACE = "org.freedesktop.ModemManager1"
SYSTEM_BUS = False
IS_OBJECT_MANAGER = True

MODEM = "org.freedesktop.ModemManager1.Modem"
NETWORK = f"{MODEM}.Modem3gpp"
MESSAGING = f"{MODEM}.Messaging"
SMS = "org.freedesktop.ModemManager1.Sms"
PATH = f"{MAIN_OBJ}/Modem/0"

REGISTERED, RECEIVED, SENT = 8, 3, 5
LTE = 1 << 14


class Network:
    """What became of messages, and what the network answers to the next ones."""

    def __init__(self):
        self.sent = []
        self.number = 0
        self.refusal = ""
        self.is_hanging = False
        self.is_forbidden = False


network = Network()


def load(mock, _parameters):
    mock.AddMethod(MAIN_IFACE, "ScanDevices", "", "", "")


def _modem():
    return mockobject.objects[PATH]


def _new_sms(properties):
    network.number += 1
    path = f"{MAIN_OBJ}/SMS/{network.number}"
    main = mockobject.objects[MAIN_OBJ]
    fields = {"State": dbus.UInt32(0), "Number": "", "Text": "", "Data": dbus.Array([], signature="y"), "Timestamp": ""}
    main.AddObject(path, SMS, fields | properties, [("Send", "", "", _send)])
    return path


def _create(_modem, properties):
    _authorise()
    names = {"number": "Number", "text": "Text", "data": "Data"}
    return dbus.ObjectPath(_new_sms({names[key]: value for key, value in properties.items()}))


def _send(sms):
    if network.is_hanging:
        threading.Event().wait()
    if network.refusal:
        raise dbus.exceptions.DBusException(network.refusal, name=f"{MAIN_IFACE}.Error.Message.NetworkTimeout")
    said = sms.props[SMS]
    said["State"] = dbus.UInt32(SENT)
    network.sent.append((said["Number"], bytes(said["Data"]).hex(), said["Text"]))


def _authorise():
    if network.is_forbidden:
        raise dbus.exceptions.DBusException("PolicyKit: not authorized", name=f"{MAIN_IFACE}.Error.Core.Unauthorized")


def _list(_modem):
    _authorise()
    return [dbus.ObjectPath(path) for path in mockobject.objects if path.startswith(f"{MAIN_OBJ}/SMS/")]


def _delete(modem, path):
    mockobject.objects[MAIN_OBJ].RemoveObject(path)
    modem.EmitSignal(MESSAGING, "Deleted", "o", [path])


@dbus.service.method(MOCK_IFACE, in_signature="", out_signature="")
def PlugIn(self):
    """A modem with a SIM that is registered in a network."""
    modem = {
        "State": dbus.Int32(REGISTERED),
        "StateFailedReason": dbus.UInt32(0),
        "UnlockRequired": dbus.UInt32(0),
        "AccessTechnologies": dbus.UInt32(LTE),
        "SignalQuality": dbus.Struct((dbus.UInt32(70), dbus.Boolean(True)), signature="ub"),
        "EquipmentIdentifier": "490154203237518",
    }
    self.AddObject(PATH, MODEM, modem, [])
    _modem().AddProperties(NETWORK, {"OperatorName": "TheOperator", "RegistrationState": dbus.UInt32(1)})
    _modem().AddProperties(MESSAGING, {"DefaultStorage": dbus.UInt32(2)})
    methods = [("List", "", "ao", _list), ("Create", "a{sv}", "o", _create), ("Delete", "o", "", _delete)]
    _modem().AddMethods(MESSAGING, methods)


@dbus.service.method(MOCK_IFACE, in_signature="", out_signature="")
def PullOut(self):
    self.RemoveObject(PATH)


@dbus.service.method(MOCK_IFACE, in_signature="sv", out_signature="")
def Become(_self, name, value):
    """One property of the modem changes."""
    known = _modem().props[MODEM][name]
    _modem().UpdateProperties(MODEM, {name: type(known)(value)})


@dbus.service.method(MOCK_IFACE, in_signature="sss", out_signature="")
def Deliver(_self, number, data, text):
    """A message comes over the air; its data in hexadecimal digits."""
    octets = dbus.Array([dbus.Byte(octet) for octet in bytes.fromhex(data)], signature="y")
    fields = {"State": dbus.UInt32(RECEIVED), "Number": number, "Text": text, "Data": octets}
    path = _new_sms(fields)
    _modem().EmitSignal(MESSAGING, "Added", "ob", [dbus.ObjectPath(path), True])


@dbus.service.method(MOCK_IFACE, in_signature="", out_signature="a(sss)")
def Sent(_self):
    """Number, data and text of what the network took."""
    return dbus.Array(network.sent, signature="(sss)")


@dbus.service.method(MOCK_IFACE, in_signature="", out_signature="as")
def Held(_self):
    """What stands in the modem's memory."""
    return dbus.Array(_list(None), signature="s")


@dbus.service.method(MOCK_IFACE, in_signature="b", out_signature="")
def Forbid(_self, forbidden):
    """PolicyKit lets nobody read or send messages, or everybody again."""
    network.is_forbidden = bool(forbidden)


@dbus.service.method(MOCK_IFACE, in_signature="sb", out_signature="")
def Answer(_self, refusal, hanging):
    """What the network does with the next messages: take them (""), refuse them, or never answer."""
    network.refusal, network.is_hanging = refusal, bool(hanging)
