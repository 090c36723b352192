"""Private keys in the forms in which ACME clients write them."""

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def new_key(curve: type[ec.EllipticCurve] = ec.SECP256R1) -> ec.EllipticCurvePrivateKey:
    """A key of a curve; acmetool of chatmail/relay takes P-256."""
    return ec.generate_private_key(curve())


def new_rsa_key() -> rsa.RSAPrivateKey:
    """A key as acmetool made it for older relays."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: PrivateKey, private_format: PrivateFormat = PrivateFormat.TraditionalOpenSSL) -> bytes:
    """The key in PEM form."""
    return key.private_bytes(Encoding.PEM, private_format, NoEncryption())
