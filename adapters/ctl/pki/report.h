/* What the commands say. */
#ifndef CTL_PKI_REPORT_H
#define CTL_PKI_REPORT_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>

/* What the functions of this folder return, and the exit status in the end. The message was printed where the failure was found. */
enum pki_result { PKI_OK = 0, PKI_FAILED = 1, PKI_USAGE = 2 };

/* "qiao pki: ..." to stderr. */
void pki_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same with OpenSSL's reason behind it. Returns PKI_FAILED. */
int pki_complain_crypto(const char *what);

/* What was made: lines, or one JSON object. Paths and certificate may be NULL. */
void pki_report_made(bool json, const char *key, const char *certificate_path, const char *request, const X509 *certificate);

void pki_print_json_text(const char *text, FILE *out);

#define PKI_TIME_SIZE 32u
#define PKI_SERIAL_SIZE 64u
#define PKI_NAME_SIZE 130u
/* "2026-01-31T12:00:00Z", "?" if it is no time. Returns out. */
const char *pki_time_text(const ASN1_TIME *time, char out[PKI_TIME_SIZE]);
/* Hexadecimal. Returns out. */
const char *pki_serial_text(const ASN1_INTEGER *serial, char out[PKI_SERIAL_SIZE]);
/* Common name in UTF-8, "" without one. Returns out. */
const char *pki_common_name(const X509_NAME *name, char out[PKI_NAME_SIZE]);

#endif
