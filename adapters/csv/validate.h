/* Checks of single values that the protocol or the domain asks for. All are pure; false leaves the results alone. */
#ifndef CSV_VALIDATE_H
#define CSV_VALIDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VALIDATE_AREA_SIZE 13

/* An area code: full-width digits are folded, the padded forms of 12 digits shortened; 6, 9 or 12 digits remain. */
bool validate_area(const char *text, char ret_area[VALIDATE_AREA_SIZE]);

/* Matter codes: upper-case words, digits, hyphens and underscores, joined by dots; at most QIAO_MATTER_SIZE_MAX bytes. */
bool validate_matter(const char *text);

/* True for what a spreadsheet makes of a long number: "5.10E+17". Such an id has lost its digits and is never guessed. */
bool validate_is_rounded_number(const char *text);

/* Decimal degrees with at most seven decimals, within ±limit_degrees, as degrees times 10 000 000. No rounding. */
bool validate_degrees(const char *text, unsigned limit_degrees, int64_t *ret_e7);

/* "+08:00", "-08:00", "Z", or the name of a zone that this machine knows ("Asia/Shanghai"). */
bool validate_zone(const char *zone);

/* Local time in format (strptime; an offset read by %z goes before zone) and zone into milliseconds since 1970. A time that the zone's clock skips is refused; of a time it
 * shows twice the first is taken. A zone that is a name must have been made the process's own with validate_use_zone. */
bool validate_time(const char *text, const char *format, const char *zone, uint64_t *ret_ms);
void validate_use_zone(const char *zone);

#endif
