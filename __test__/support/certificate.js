// @ts-check
'use strict'

/**
 * A self-signed certificate, made on the spot: none in the repository that would expire.
 */

const crypto = require('node:crypto')

const SEQUENCE = 0x30
const SET = 0x31
const UTF8 = 0x0c
const UTC_TIME = 0x17
const BIT_STRING = 0x03
const OCTET_STRING = 0x04
const EXTENSIONS = 0xa3
const DNS_NAME = 0x82
const IP_ADDRESS = 0x87

const ECDSA_WITH_SHA256 = Buffer.from('06082a8648ce3d040302', 'hex')
const COMMON_NAME = Buffer.from('0603550403', 'hex')
const SUBJECT_ALT_NAME = Buffer.from('0603551d11', 'hex')
const VERSION_3 = Buffer.from('a003020102', 'hex')
const SERIAL_1 = Buffer.from('020101', 'hex')

/**
 * A value in ASN.1's DER encoding.
 * @param {number} tag
 * @param {...(Buffer | string)} parts
 */
function der(tag, ...parts) {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)))
  const size = content.length
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 255]
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}

/** Of localhost. @returns {{ key: string, cert: string }} in PEM, for `https.createServer()` */
function selfSigned() {
  const { privateKey, publicKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const algorithm = der(SEQUENCE, ECDSA_WITH_SHA256)
  const name = der(SEQUENCE, der(SET, der(SEQUENCE, COMMON_NAME, der(UTF8, 'localhost'))))
  const validity = der(SEQUENCE, der(UTC_TIME, '200101000000Z'), der(UTC_TIME, '491231235959Z'))
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const names = der(SEQUENCE, der(DNS_NAME, 'localhost'), der(IP_ADDRESS, Buffer.from([127, 0, 0, 1])))
  const extensions = der(EXTENSIONS, der(SEQUENCE, der(SEQUENCE, SUBJECT_ALT_NAME, der(OCTET_STRING, names))))
  const body = der(SEQUENCE, VERSION_3, SERIAL_1, algorithm, name, validity, name, spki, extensions)
  const signature = crypto.sign('sha256', body, privateKey)
  const certificate = der(SEQUENCE, body, algorithm, der(BIT_STRING, Buffer.from([0]), signature))
  const lines = certificate.toString('base64').replace(/.{64}/g, '$&\n')
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  }
}

module.exports = { selfSigned }
