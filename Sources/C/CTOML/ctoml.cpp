// toml++ walked into a flat list. See ctoml.h for the rules.
#include "ctoml.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

// toml++ destroys nested tables by recursion, and so does the walk below go down. Values in values are bounded by this
// number, and the parts of one dotted key by keyPartsMax, so that the stack never sees more than their product.
#define TOML_MAX_NESTED_VALUES 16

// toml++ 3.3 asserts that a key begins like one, which "[&]" does not, and an optimised build would take the assertion
// for the truth and drop the branch behind it that reports the mistake. Its assertions mean nothing here.
#undef NDEBUG
#define TOML_ASSERT(condition) static_assert(true)
#include <toml++/toml.h>

namespace {

constexpr int keyPartsMax = 16;

struct Flaw {
    std::string text;
    uint32_t line;
    uint32_t column;
};

// Finds a dotted key with too many parts, which toml++ 3.3 does not bound itself. It counts the dots outside of strings
// and comments since the last character that cannot be part of a key; a wrong count can only come from text that is
// no TOML anyhow.
std::optional<Flaw> findLongKey(std::string_view text) {
    uint32_t line = 1;
    size_t lineStart = 0;
    int dots = 0;
    size_t at = 0;
    auto startsWith = [&](std::string_view part) { return text.substr(at, part.size()) == part; };
    while (at < text.size()) {
        const char c = text[at];
        if (c == '#') {
            while (at < text.size() && text[at] != '\n') at++;
            continue;
        }
        if (c == '"' || c == '\'') {
            const std::string_view triple = c == '"' ? "\"\"\"" : "'''";
            const bool multiline = startsWith(triple);
            const std::string_view quote = multiline ? triple : triple.substr(0, 1);
            at += quote.size();
            while (at < text.size() && !startsWith(quote) && (multiline || text[at] != '\n')) {
                if (c == '"' && text[at] == '\\') at++;
                if (at < text.size() && text[at] == '\n') {
                    line++;
                    lineStart = at + 1;
                }
                at++;
            }
            if (at < text.size() && startsWith(quote)) {
                at += quote.size();
                // Up to two quotes before the closing three belong to the string.
                for (int extra = 0; multiline && extra < 2 && at < text.size() && text[at] == c; extra++) at++;
            }
            continue;
        }
        if (c == '.') {
            if (++dots >= keyPartsMax) {
                return Flaw{"a key of more than 16 parts", line, static_cast<uint32_t>(at - lineStart + 1)};
            }
        } else if (c == '\n' || c == '=' || c == ',' || c == '[' || c == ']' || c == '{' || c == '}') {
            dots = 0;
            if (c == '\n') {
                line++;
                lineStart = at + 1;
            }
        }
        at++;
    }
    return std::nullopt;
}

}  // namespace

struct ctoml_document {
    toml::table root;
    std::vector<ctoml_node> nodes;
    std::optional<Flaw> flaw;

    void walk(const toml::node &value, uint32_t parent, const toml::key *key) {
        ctoml_node node{};
        const auto place = value.source().begin;
        node.parent = parent;
        node.line = place.line;
        node.column = place.column;
        if (key != nullptr) {
            const auto keyPlace = key->source().begin;
            node.key_line = keyPlace.line;
            node.key_column = keyPlace.column;
            node.key = key->data();
            node.key_length = key->length();
        }
        const auto index = static_cast<uint32_t>(nodes.size());
        switch (value.type()) {
        case toml::node_type::table: {
            node.kind = CTOML_TABLE;
            nodes.push_back(node);
            for (const auto &[name, child] : *value.as_table()) walk(child, index, &name);
            return;
        }
        case toml::node_type::array: {
            node.kind = CTOML_ARRAY;
            nodes.push_back(node);
            for (const auto &child : *value.as_array()) walk(child, index, nullptr);
            return;
        }
        case toml::node_type::string:
            node.kind = CTOML_STRING;
            node.string = value.as_string()->get().data();
            node.string_length = value.as_string()->get().size();
            break;
        case toml::node_type::integer:
            node.kind = CTOML_INTEGER;
            node.integer = value.as_integer()->get();
            break;
        case toml::node_type::boolean:
            node.kind = CTOML_BOOLEAN;
            node.integer = value.as_boolean()->get() ? 1 : 0;
            break;
        case toml::node_type::floating_point:
            node.kind = CTOML_FLOAT;
            node.number = value.as_floating_point()->get();
            break;
        case toml::node_type::date:
        case toml::node_type::time:
        case toml::node_type::date_time:
        case toml::node_type::none: node.kind = CTOML_DATE; break;
        }
        nodes.push_back(node);
    }
};

extern "C" {

ctoml_document *ctoml_parse(const char *text, size_t length) {
    auto *document = new ctoml_document{};
    const std::string_view view{text, length};
    document->flaw = findLongKey(view);
    if (document->flaw) return document;
    toml::parse_result result = toml::parse(view);
    if (result.failed()) {
        const auto &error = result.error();
        const auto place = error.source().begin;
        document->flaw = Flaw{std::string{error.description()}, place.line, place.column};
        return document;
    }
    document->root = std::move(result).table();
    document->walk(document->root, 0, nullptr);
    return document;
}

const ctoml_node *ctoml_nodes(const ctoml_document *document, size_t *count) {
    *count = document->nodes.size();
    return document->nodes.empty() ? nullptr : document->nodes.data();
}

const char *ctoml_error(const ctoml_document *document, uint32_t *line, uint32_t *column) {
    if (!document->flaw) return nullptr;
    *line = document->flaw->line;
    *column = document->flaw->column;
    return document->flaw->text.c_str();
}

void ctoml_free(ctoml_document *document) { delete document; }
}
