#include "paper.h"

#include "base/yaml.h"
#include "base64.h"
#include "command.h"
#include "pbjson.h"

#include <stdlib.h>
#include <string.h>

static json_t *json_of(const struct yaml_node *node)
{
    json_t *json;

    if (node->type == YAML_SCALAR)
        return json_string(node->text);
    json = node->type == YAML_MAPPING ? json_object() : json_array();
    for (size_t i = 0; json && i < node->children_count; i++) {
        const struct yaml_node *child = &node->children[i];
        int failed = node->type == YAML_MAPPING ? json_object_set_new(json, child->key, json_of(child)) : json_array_append_new(json, json_of(child));
        if (failed) {
            json_decref(json);
            return NULL;
        }
    }
    return json;
}

json_t *paper_read(const char *path)
{
    struct yaml yaml = { 0 };
    json_t *json = NULL;
    bool read = yaml_init(&yaml, path, stderr);

    if (read && yaml.root.type != YAML_MAPPING)
        command_fail(CTL_WRONG_USE, "%s is no mapping of an organisation's fields", path);
    else if (read) {
        json = json_of(&yaml.root);
        if (!json)
            command_fail(CTL_WRONG_USE, "%s: not text in UTF-8, or out of memory", path);
    }
    yaml_deinit(&yaml);
    return json;
}

static int digit_of(char character)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = character ? strchr(digits, character | 0x20) : NULL;

    return at ? (int)(at - digits) : -1;
}

#define KEY_ID_SIZE 16u

/* 32 hexadecimal digits, as certificates are shown, to the base64 of proto3 JSON. Anything else is left as it is. */
static json_t *key_of(const char *text)
{
    uint8_t bytes[KEY_ID_SIZE];
    json_t *json;
    char *encoded;

    if (strlen(text) != 2 * sizeof(bytes))
        return json_string(text);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return json_string(text);
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    encoded = base64_encode(bytes, sizeof(bytes));
    json = encoded ? json_string(encoded) : NULL;
    free(encoded);
    return json;
}

static void encode_keys(json_t *json)
{
    json_t *seat, *key;
    size_t i, k;

    json_array_foreach(json_object_get(json, "seats"), i, seat) {
        json_t *keys = json_object_get(seat, "keys");
        json_array_foreach(keys, k, key) {
            if (json_is_string(key))
                json_array_set_new(keys, k, key_of(json_string_value(key)));
        }
    }
}

Qiao__V1__Organisation *paper_organisation(const json_t *json)
{
    char error[PBJSON_ERROR_SIZE] = "out of memory";
    json_t *copy = json_deep_copy(json);
    ProtobufCMessage *message = NULL;

    if (copy) {
        encode_keys(copy);
        message = pbjson_to_message(&qiao__v1__organisation__descriptor, copy, 0, error);
    }
    json_decref(copy);
    if (!message)
        command_fail(CTL_WRONG_USE, "the organisation: %s", error);
    return (Qiao__V1__Organisation *)message;
}

json_t *paper_of(const Qiao__V1__Organisation *organisation)
{
    return pbjson_from_message(&organisation->base, 0);
}
