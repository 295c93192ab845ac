/* The engine "pkcs11" of libp11 is what Debian 12 and 13 both have; OpenSSL 3 calls its interface deprecated, but still serves it. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "seal/token.h"

#include "base/buf.h"
#include "seal/private_key.h"
#include "seal/refuse.h"

#include <errno.h>
#include <openssl/engine.h>
#include <openssl/ui.h>
#include <pthread.h>
#include <unistd.h>

#define URI_SCHEME "pkcs11:"
#define MODULE_PATH "module-path="
#define URI_SIZE_MAX 2048u

bool token_is_uri(const char *path) { return strncmp(path, URI_SCHEME, strlen(URI_SCHEME)) == 0; }

/* Once a process: the token's library is one for all its users, and closing it for one would close it for all. */
static struct {
    pthread_mutex_t mutex;
    ENGINE *engine;
    char *module;                  /* "" for the engine's own default */
} loaded = { .mutex = PTHREAD_MUTEX_INITIALIZER };

struct uri {
    char without_module[URI_SIZE_MAX]; /* for the engine, which does not know the attribute */
    char module[URI_SIZE_MAX];
    int shown_size;                /* what may be shown of it: all before the query, where PINs stand */
};

static int from_hex(char digit)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = digit ? strchr(digits, digit) : NULL;
    return at ? (int)(at - digits) % 16 : -1;
}

static bool percent_decode(const char *from, size_t size, char *ret_text)
{
    for (size_t i = 0; i < size; i++) {
        if (from[i] != '%') {
            *ret_text++ = from[i];
            continue;
        }
        int high = i + 2 < size ? from_hex(from[i + 1]) : -1, low = i + 2 < size ? from_hex(from[i + 2]) : -1;
        if (high < 0 || low < 0 || (high == 0 && low == 0)) return false;
        *ret_text++ = (char)(high << 4 | low);
        i += 2;
    }
    *ret_text = '\0';
    return true;
}

/* Query attributes are separated by & (RFC 7512, 2.3). */
static bool split_uri(const char *text, struct uri *ret)
{
    size_t path_size = strcspn(text, "?");
    if (strlen(text) >= URI_SIZE_MAX) return false;
    *ret = (struct uri){ .shown_size = (int)path_size };
    memcpy(ret->without_module, text, path_size);
    char *end = ret->without_module + path_size, separator = '?';
    for (const char *at = text + path_size; *at;) {
        size_t size = strcspn(++at, "&");
        if (strncmp(at, MODULE_PATH, strlen(MODULE_PATH)) == 0) {
            if (!percent_decode(at + strlen(MODULE_PATH), size - strlen(MODULE_PATH), ret->module)) return false;
        } else if (size > 0) {
            *end++ = separator;
            memcpy(end, at, size);
            end += size;
            separator = '&';
        }
        at += size;
    }
    return true;
}

static ENGINE *start_engine(const char *module)
{
    ENGINE_load_builtin_engines();
    ENGINE *engine = ENGINE_by_id("pkcs11");
    bool ok = engine && (!module[0] || ENGINE_ctrl_cmd_string(engine, "MODULE_PATH", module, 0) == 1) && ENGINE_init(engine) == 1;
    if (ok) return engine;
    ENGINE_free(engine);
    return NULL;
}

/* With the mutex held. */
static int use_module(const char *module, char *reterr_text, size_t reterr_size)
{
    if (loaded.engine && strcmp(loaded.module, module) == 0) return 0;
    if (loaded.engine)
        return keyring_refuse(reterr_text, reterr_size, "token: this process uses the module \"%s\" already and cannot change to \"%s\"; restart it",
                              loaded.module, module);
    if (module[0] && access(module, R_OK) != 0) /* the engine would only notice when it is too late to take another */
        return keyring_refuse(reterr_text, reterr_size, "token: the module \"%s\" cannot be read: %s", module, strerror(errno));
    loaded.engine = start_engine(module);
    if (!loaded.engine)
        return keyring_refuse(reterr_text, reterr_size, "token: OpenSSL's engine pkcs11 (package libengine-pkcs11-openssl) with the module \"%s\"", module);
    loaded.module = base_strdup(module);
    return 0;
}

/* With the mutex held. The PIN is the engine's only while it loads the key; a PIN in the URI goes before it. */
static EVP_PKEY *load_key(const char *uri, const char *pin)
{
    UI_METHOD *answers = UI_UTIL_wrap_read_pem_callback(private_key_give_passphrase, 0);
    EVP_PKEY *key = answers ? ENGINE_load_private_key(loaded.engine, uri, answers, (void *)(uintptr_t)pin) : NULL;
    UI_destroy_method(answers);
    return key;
}

int token_key_load(const char *uri, const char *pin, EVP_PKEY **ret_key, char *reterr_text, size_t reterr_size)
{
    struct uri parts;
    if (!split_uri(uri, &parts)) return keyring_refuse(reterr_text, reterr_size, "token: %.*s is no URI of a PKCS #11 object", (int)strcspn(uri, "?"), uri);
    pthread_mutex_lock(&loaded.mutex);
    int rc = use_module(parts.module, reterr_text, reterr_size);
    if (rc == 0) {
        *ret_key = load_key(parts.without_module, pin);
        if (!*ret_key) rc = keyring_refuse(reterr_text, reterr_size, "token: %.*s cannot be used", parts.shown_size, uri);
    }
    pthread_mutex_unlock(&loaded.mutex);
    return rc;
}
