/* From the configuration to what core and wire take. */
#ifndef EDGE_SETTINGS_H
#define EDGE_SETTINGS_H

#include "conf/conf.h"
#include "core/core.h"
#include "seal/keyring.h"
#include "wire/wire.h"

/* Fills config; strings are borrowed from conf, the table of peers is freed by settings_core_deinit. The policy is for core_new or
 * core_set_limits to take over; its tables stay those of conf. */
void settings_core(const struct conf *conf, struct core_config *ret_config);
void settings_core_deinit(struct core_config *config);

/* tls, filled, or NULL if the configuration has no certificates. */
const struct wire_tls *settings_tls(const struct conf *conf, struct wire_tls *tls);

/* Reads the file again. The new configuration, with certificates in use and keys that may not change as they were; or NULL: the
 * file or a certificate is not usable, everything stays as it was, and the reason was logged and is in reterr_text. */
struct conf *settings_reload(const struct conf *running, const char *path, struct wire *wire, struct keyring *keyring, char *reterr_text, size_t reterr_size);

/* The node's keys; *ret_keyring is NULL for a node without a certificate, or one that takes unsigned messages only. Not 0: reterr_text
 * says what is wrong. */
int settings_keyring(const struct conf *conf, struct keyring **ret_keyring, char *reterr_text, size_t reterr_size);

/* How long the own key takes for a signature, in microseconds of this machine now. */
uint64_t settings_signature_us(const struct keyring *keyring);

#endif
