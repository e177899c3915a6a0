#pragma once
// OpenSSL 3.0 and newer. The inline functions stand in for macros, which Swift cannot import; they add no logic.
#include <openssl/ssl.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <openssl/x509_vfy.h>

// SSL_CTX and SSL
static inline long leo_SSL_CTX_set_mode(SSL_CTX *ctx, long mode) { return SSL_CTX_set_mode(ctx, mode); }
static inline void leo_SSL_CTX_set_read_ahead(SSL_CTX *ctx, int yes) { SSL_CTX_set_read_ahead(ctx, yes); }
static inline int leo_SSL_CTX_set_min_proto_version(SSL_CTX *ctx, int v) { return SSL_CTX_set_min_proto_version(ctx, v); }
static inline int leo_SSL_CTX_set_max_proto_version(SSL_CTX *ctx, int v) { return SSL_CTX_set_max_proto_version(ctx, v); }
static inline int leo_SSL_CTX_set1_groups_list(SSL_CTX *ctx, const char *s) { return SSL_CTX_set1_groups_list(ctx, s); }
static inline long leo_SSL_CTX_set_session_cache_mode(SSL_CTX *ctx, long m) { return SSL_CTX_set_session_cache_mode(ctx, m); }
static inline long leo_SSL_CTX_set_timeout(SSL_CTX *ctx, long seconds) { return SSL_CTX_set_timeout(ctx, seconds); }
static inline long leo_SSL_CTX_add1_chain_cert(SSL_CTX *ctx, X509 *x) { return SSL_CTX_add1_chain_cert(ctx, x); }
static inline long leo_SSL_CTX_set1_cert_store(SSL_CTX *ctx, X509_STORE *s) {
    SSL_CTX_set1_cert_store(ctx, s);
    return 1;
}
static inline long leo_SSL_set_tlsext_host_name(SSL *ssl, const char *name) { return SSL_set_tlsext_host_name(ssl, name); }

// Options are made with SSL_OP_BIT, a macro with arguments.
static inline uint64_t leo_SSL_OP_NO_COMPRESSION(void) { return SSL_OP_NO_COMPRESSION; }
static inline uint64_t leo_SSL_OP_NO_RENEGOTIATION(void) { return SSL_OP_NO_RENEGOTIATION; }
static inline uint64_t leo_SSL_OP_NO_TICKET(void) { return SSL_OP_NO_TICKET; }
static inline uint64_t leo_SSL_OP_IGNORE_UNEXPECTED_EOF(void) { return SSL_OP_IGNORE_UNEXPECTED_EOF; }
static inline uint64_t leo_SSL_OP_LEGACY_SERVER_CONNECT(void) { return SSL_OP_LEGACY_SERVER_CONNECT; }
static inline uint64_t leo_SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION(void) { return SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION; }

// One index for the whole process: where an SSL keeps the newest session ticket that its server sent.
static inline int leo_SSL_get_ex_new_index(CRYPTO_EX_free *free_func) {
    return SSL_get_ex_new_index(0, NULL, NULL, NULL, free_func);
}

// Puts an error back into the queue that ERR_get_error has taken out of it.
static inline void leo_ERR_raise(unsigned long code) { ERR_raise(ERR_GET_LIB(code), ERR_GET_REASON(code)); }

// Keys and certificates
static inline EVP_PKEY *leo_EVP_EC_gen(const char *curve) { return EVP_EC_gen(curve); }
static inline EVP_PKEY *leo_EVP_RSA_gen(unsigned bits) { return EVP_RSA_gen(bits); }
static inline void leo_OPENSSL_free(void *p) { OPENSSL_free(p); }
static inline long leo_BIO_get_mem_data(BIO *bio, char **data) { return BIO_get_mem_data(bio, data); }

// Stacks
static inline int leo_sk_X509_num(const STACK_OF(X509) *s) { return sk_X509_num(s); }
static inline X509 *leo_sk_X509_value(const STACK_OF(X509) *s, int i) { return sk_X509_value(s, i); }
static inline int leo_sk_GENERAL_SUBTREE_num(const STACK_OF(GENERAL_SUBTREE) *s) { return sk_GENERAL_SUBTREE_num(s); }
static inline int leo_sk_GENERAL_NAME_num(const GENERAL_NAMES *s) { return sk_GENERAL_NAME_num(s); }
static inline GENERAL_NAME *leo_sk_GENERAL_NAME_value(const GENERAL_NAMES *s, int i) { return sk_GENERAL_NAME_value(s, i); }
static inline void leo_GENERAL_NAMES_free(GENERAL_NAMES *s) { GENERAL_NAMES_free(s); }
static inline GENERAL_SUBTREE *leo_sk_GENERAL_SUBTREE_value(const STACK_OF(GENERAL_SUBTREE) *s, int i) {
    return sk_GENERAL_SUBTREE_value(s, i);
}
static inline STACK_OF(PKCS12_SAFEBAG) *leo_sk_PKCS12_SAFEBAG_new(void) { return sk_PKCS12_SAFEBAG_new_null(); }
static inline int leo_sk_PKCS12_SAFEBAG_push(STACK_OF(PKCS12_SAFEBAG) *s, PKCS12_SAFEBAG *bag) { return sk_PKCS12_SAFEBAG_push(s, bag); }
static inline void leo_sk_PKCS12_SAFEBAG_free(STACK_OF(PKCS12_SAFEBAG) *s) { sk_PKCS12_SAFEBAG_pop_free(s, PKCS12_SAFEBAG_free); }
static inline void leo_sk_PKCS7_free(STACK_OF(PKCS7) *s) { sk_PKCS7_pop_free(s, PKCS7_free); }
// The name in a GENERAL_NAME of type GEN_DNS, GEN_EMAIL or GEN_URI; the union's member has no name that Swift can use.
static inline const ASN1_STRING *leo_GENERAL_NAME_get0_string(const GENERAL_NAME *name) { return name->d.ia5; }
// An attribute whose value is an object identifier: with the length -1 the bytes are the object itself.
static inline int leo_PKCS12_add1_attr_object(PKCS12_SAFEBAG *bag, const char *name, const ASN1_OBJECT *value) {
    return PKCS12_add1_attr_by_txt(bag, name, V_ASN1_OBJECT, (const unsigned char *)value, -1);
}

// Gives the message authentication code of a session ticket its key: HMAC with SHA-256, as OpenSSL's manual has it.
static inline int leo_ticket_mac_set_key(EVP_MAC_CTX *mac, unsigned char *key, size_t length) {
    OSSL_PARAM parameters[3] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key, length),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(mac, parameters);
}
// HMAC with SHA-256 (RFC 2104) from what a key has set up once. OpenSSL 3 would rather have EVP used, which allocates and
// frees half a dozen objects for each code: more than hashing a kilobyte takes.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
typedef struct {
    SHA256_CTX inner, outer;
} leo_hmac_sha256_key;

static inline void leo_hmac_sha256_init(leo_hmac_sha256_key *state, const unsigned char *key, size_t length) {
    unsigned char block[SHA256_CBLOCK] = {0};
    if (length > sizeof block) {
        SHA256(key, length, block);
    } else {
        for (size_t index = 0; index < length; index++) block[index] = key[index];
    }
    for (size_t index = 0; index < sizeof block; index++) block[index] ^= 0x36;
    SHA256_Init(&state->inner);
    SHA256_Update(&state->inner, block, sizeof block);
    for (size_t index = 0; index < sizeof block; index++) block[index] ^= 0x36 ^ 0x5c;
    SHA256_Init(&state->outer);
    SHA256_Update(&state->outer, block, sizeof block);
    OPENSSL_cleanse(block, sizeof block);
}

static inline void leo_hmac_sha256(
    const leo_hmac_sha256_key *key, const unsigned char *first, size_t first_length, const unsigned char *second,
    size_t second_length, unsigned char code[SHA256_DIGEST_LENGTH]) {
    SHA256_CTX state = key->inner;
    if (first_length > 0) SHA256_Update(&state, first, first_length);
    if (second_length > 0) SHA256_Update(&state, second, second_length);
    SHA256_Final(code, &state);
    state = key->outer;
    SHA256_Update(&state, code, SHA256_DIGEST_LENGTH);
    SHA256_Final(code, &state);
}
#pragma GCC diagnostic pop
static inline unsigned long leo_XN_FLAG_RFC2253(void) { return XN_FLAG_RFC2253; }

// HKDF with SHA-256 (RFC 5869), extract and expand; 1 for success.
static inline int leo_hkdf_sha256(
    const unsigned char *key, size_t key_length, const unsigned char *salt, size_t salt_length,
    const unsigned char *info, size_t info_length, unsigned char *out, size_t out_length) {
    OSSL_PARAM parameters[5] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)key, key_length),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)salt, salt_length),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)info, info_length),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF *method = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = method ? EVP_KDF_CTX_new(method) : NULL;
    int result = context ? EVP_KDF_derive(context, out, out_length, parameters) : 0;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(method);
    return result;
}
