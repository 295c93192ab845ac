/* What names, codes and addresses look like. Pure: text in, verdict out. */
#ifndef CONF_FORMAT_H
#define CONF_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

#define FORMAT_WHY_SIZE 256u

/* Each: true if text is one; otherwise why says what was expected. */
bool format_node_id(const char *text, char why[FORMAT_WHY_SIZE]);
bool format_area(const char *text, char why[FORMAT_WHY_SIZE]);
bool format_name(const char *text, char why[FORMAT_WHY_SIZE]);
bool format_text(const char *text, char why[FORMAT_WHY_SIZE]);
/* Unified social credit code, GB 32100-2015, with its check character. */
bool format_org(const char *text, char why[FORMAT_WHY_SIZE]);
/* AREA/ORG or AREA/ORG#SEAT with the area of a district. */
bool format_registrar(const char *text, char why[FORMAT_WHY_SIZE]);
bool format_office(const char *text, char why[FORMAT_WHY_SIZE]); /* area/org or area/org#seat */
bool format_listen_url(const char *text, char why[FORMAT_WHY_SIZE]);
bool format_dial_url(const char *text, char why[FORMAT_WHY_SIZE]);

/* Of a URL that passed: */
bool format_url_is_tls(const char *url);
/* tcp:// to or on another machine's reach, that is not 127.0.0.0/8, ::1 or localhost. */
bool format_url_is_plain_beyond_loopback(const char *url);

#endif
