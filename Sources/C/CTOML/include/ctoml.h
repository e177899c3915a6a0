#pragma once
// A C face for toml++: a text becomes a flat list of nodes, each with its place in the text. toml++ is compiled without
// exceptions, and no function here lets one out; running out of memory ends the process.
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ctoml_kind {
    CTOML_TABLE,
    CTOML_ARRAY,
    CTOML_STRING,
    CTOML_INTEGER,
    CTOML_FLOAT,
    CTOML_BOOLEAN,
    CTOML_DATE,  // a date, a time, or both
} ctoml_kind;

// Lines and columns count from 1; columns count characters. The pointers live as long as the document.
typedef struct ctoml_node {
    ctoml_kind kind;
    uint32_t parent;  // the index of the table or array this is in; 0 also for the root itself, which is node 0
    uint32_t line, column;
    uint32_t key_line, key_column;  // 0 where there is no key: elements of arrays, and the root
    const char *key;                // UTF-8, not terminated, may hold any character; NULL where there is none
    size_t key_length;
    const char *string;  // likewise, for CTOML_STRING
    size_t string_length;
    int64_t integer;  // for CTOML_INTEGER, and 0 or 1 for CTOML_BOOLEAN
    double number;    // for CTOML_FLOAT, which may be no number or not finite
} ctoml_node;

typedef struct ctoml_document ctoml_document;

// Parses UTF-8 text. Never NULL; to be freed with ctoml_free.
ctoml_document *ctoml_parse(const char *text, size_t length);

// The nodes, every container before what is in it; NULL when the text is no TOML.
const ctoml_node *ctoml_nodes(const ctoml_document *document, size_t *count);

// What is wrong with the text, as a sentence with its place; NULL when nothing is.
const char *ctoml_error(const ctoml_document *document, uint32_t *line, uint32_t *column);

void ctoml_free(ctoml_document *document);

#ifdef __cplusplus
}
#endif
