#include "services/portal/http/openapi.h"

#include <array>
#include <map>
#include <vector>

#include "libs/base/cat.h"
#include "libs/base/json.h"
#include "services/portal/http/problem.h"
#include "services/portal/http/schema.h"

namespace cleanmail::portal {
namespace {

using base::Json;
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

constexpr std::string_view kAbout =
    "The REST interface of Cleanmail, an e-mail security gateway.\n\n"
    "Errors are `application/problem+json` (RFC 9457); `reason` is a word for programs, `errors` "
    "names the field. What is somebody else's is answered as what does not exist: 404. Lists come "
    "in pages: `pageSize`, `pageToken`, `nextPageToken`. A resource with an `etag` is sent with "
    "the header `ETag`; `If-Match` makes a change only when nobody else has changed it. A POST "
    "with an `Idempotency-Key` is answered the same way when it is sent again within 24 hours.";

Json Object(std::initializer_list<std::pair<std::string_view, Json>> members) {
  Json object = Json::Object();
  for (const auto& [name, value] : members) object[name] = value;
  return object;
}
Json Text(std::string_view text) { return Json::String(text); }

Json Content(std::string_view type, Json schema) {
  return Object({{type, Object({{"schema", std::move(schema)}})}});
}

// The name of the shared answer for a status: `Problem404`.
Json ProblemReference(int status) {
  return Object({{"$ref", Text(base::Cat("#/components/responses/Problem", status))}});
}

std::vector<int> StatusesOf(const Route& route) {
  std::vector<int> statuses = {400, 401, 403, 404, 406, 408, 413, 429, 431, 500, 501, 503, 504};
  const std::string& verb = route.http.verb();
  if (verb != "GET") statuses.push_back(409);
  if (verb != "GET") statuses.push_back(412);
  if (route.has_body()) statuses.push_back(415);
  if (verb == "POST") statuses.push_back(422);
  return statuses;
}

bool HasEtag(const Descriptor& type) { return type.FindFieldByName("etag") != nullptr; }

class Document {
 public:
  explicit Document(const Contracts& contracts) : contracts_(contracts) {}

  Json Make() {
    Json paths = Json::Object();
    Json tags = Json::Array();
    std::map<std::string, bool> tagged;
    for (const Route& route : contracts_.routes()) {
      const std::string tag = TagOf(route);
      if (!tagged[tag]) {
        tagged[tag] = true;
        Json about = Object({{"name", Text(tag)}});
        const std::string comment = CommentOf(*route.method->service());
        if (!comment.empty()) about["description"] = Text(comment);
        tags.Add(std::move(about));
      }
      std::string verb = route.http.verb();
      for (char& c : verb) c = static_cast<char>(c - 'A' + 'a');
      paths[route.path.Printed()][verb] = Operation(route);
    }
    Json document = Object({{"openapi", Text("3.1.0")}, {"info", Info()}});
    document["servers"] = Json::Array({Object({{"url", Text("/")}})});
    document["security"] = Json::Array({Object({{"token", Json::Array()}})});
    document["tags"] = std::move(tags);
    document["paths"] = std::move(paths);
    document["components"] = Components();
    return document;
  }

 private:
  static std::string TagOf(const Route& route) {
    std::string name = route.method->service()->name();
    if (name.ends_with("Service")) name.resize(name.size() - 7);
    return name;
  }

  static Json Info() {
    return Object(
        {{"title", Text("Cleanmail")},
         {"version", Text("1")},
         {"description", Text(kAbout)},
         {"license", Object({{"name", Text("Apache-2.0")}, {"identifier", Text("Apache-2.0")}})}});
  }

  Json Operation(const Route& route) {
    const std::string comment = CommentOf(*route.method);
    Json operation =
        Object({{"operationId", Text(base::Cat(TagOf(route), "_", route.method->name()))},
                {"tags", Json::Array({Text(TagOf(route))})}});
    const size_t stop = comment.find(". ");
    operation["summary"] = Text(comment.empty() ? route.method->name() : comment.substr(0, stop));
    if (!comment.empty()) operation["description"] = Text(comment);
    Json parameters = Parameters(route);
    if (!parameters.items.empty()) operation["parameters"] = std::move(parameters);
    if (route.has_body()) operation["requestBody"] = Body(route);
    operation["responses"] = Responses(route);
    return operation;
  }

  Json Parameters(const Route& route) {
    Json parameters = Json::Array();
    for (const std::string& name : route.path.parameters()) {
      Json schema = Object({{"type", Text("string")},
                            {"minLength", Json::Number(1)},
                            {"maxLength", Json::Number(320)},
                            {"pattern", Text("^[^/\\x00-\\x20\\x7f]+$")}});
      parameters.Add(Object({{"name", Text(name)},
                             {"in", Text("path")},
                             {"required", Json::Bool(true)},
                             {"description", Text(base::Cat("Id of the ", name, "."))},
                             {"schema", std::move(schema)}}));
    }
    const std::map<std::string, bool> taken = Taken(route);
    const Descriptor& request = *route.method->input_type();
    for (int i = 0; i < request.field_count() && route.http.body() != "*"; ++i) {
      const FieldDescriptor& field = *request.field(i);
      if (taken.contains(field.name())) continue;
      Json schema = schemas_.Of(field);
      Json parameter = Object({{"name", Text(field.json_name())}, {"in", Text("query")}});
      const std::string comment = CommentOf(field);
      if (!comment.empty()) parameter["description"] = Text(comment);
      if (Is(field, api::v1::BEHAVIOR_REQUIRED)) parameter["required"] = Json::Bool(true);
      parameter["schema"] = std::move(schema);
      parameters.Add(std::move(parameter));
    }
    AddHeaders(route, parameters);
    return parameters;
  }

  static Json HeaderParameter(std::string_view name, std::string_view about,
                              std::string_view pattern) {
    return Object({{"name", Text(name)},
                   {"in", Text("header")},
                   {"description", Text(about)},
                   {"schema", Object({{"type", Text("string")}, {"pattern", Text(pattern)}})}});
  }

  static void AddHeaders(const Route& route, Json& parameters) {
    const Descriptor& request = *route.method->input_type();
    const bool compares =
        route.body != nullptr ? HasEtag(*route.body->message_type()) : HasEtag(request);
    if (compares && route.http.verb() != "GET")
      parameters.Add(HeaderParameter(
          "If-Match", "ETag the resource must still have; otherwise 412.", "^(\\*|\"[!#-~]*\")$"));
    if (route.http.verb() == "POST")
      parameters.Add(
          HeaderParameter("Idempotency-Key",
                          "The same key with the same request gets the same answer for 24 hours.",
                          "^[!-~]{1,255}$"));
  }

  // Fields of the request that path or body fill.
  static std::map<std::string, bool> Taken(const Route& route) {
    std::map<std::string, bool> taken;
    for (const std::string& variable : route.path.variables())
      taken[variable.substr(0, variable.find('.'))] = true;
    if (route.body != nullptr) taken[route.body->name()] = true;
    return taken;
  }

  Json Body(const Route& route) {
    Json schema;
    if (route.body == nullptr) {
      schema = schemas_.Object(*route.method->input_type(), Taken(route), true);
    } else if (route.http.verb() == "PATCH") {
      schema = schemas_.ForUpdate(*route.body->message_type());
    } else {
      schema = schemas_.Of(*route.body->message_type());
    }
    return Object({{"required", Json::Bool(route.body != nullptr)},
                   {"content", Content("application/json", std::move(schema))}});
  }

  Json Responses(const Route& route) {
    const Descriptor& type = *route.method->output_type();
    Json responses = Json::Object();
    Json done = Object({{"description", Text("Done.")}});
    if (type.full_name() == "cleanmail.api.v1.Download") {
      done["content"] = Object({{"*/*", Object({{"schema", Object({{"type", Text("string")}})}})}});
    } else {
      done["content"] = Content("application/json", schemas_.Of(type));
    }
    if (HasEtag(type)) {
      done["headers"] =
          Object({{"ETag", Object({{"description", Text("For If-Match and If-None-Match.")},
                                   {"schema", Object({{"type", Text("string")}})}})}});
      if (route.http.verb() == "GET")
        responses["304"] = Object({{"description", Text("It is as If-None-Match says.")}});
    }
    responses["200"] = std::move(done);
    for (const int status : StatusesOf(route))
      responses[std::to_string(status)] = ProblemReference(status);
    return responses;
  }

  static Json ProblemSchema() {
    const Json text = Object({{"type", Text("string")}});
    Json error = Object({{"type", Text("object")},
                         {"properties", Object({{"field", text}, {"detail", text}})},
                         {"required", Json::Array({Text("field"), Text("detail")})}});
    return Object(
        {{"type", Text("object")},
         {"description", Text("What went wrong (RFC 9457).")},
         {"properties",
          Object({{"type", Object({{"type", Text("string")}, {"format", Text("uri-reference")}})},
                  {"title", text},
                  {"status", Object({{"type", Text("integer")}})},
                  {"detail", text},
                  {"reason", text},
                  {"errors", Object({{"type", Text("array")}, {"items", std::move(error)}})},
                  {"trace", text}})},
         {"required", Json::Array({Text("type"), Text("title"), Text("status"), Text("detail"),
                                   Text("reason")})}});
  }

  Json Components() {
    Json responses = Json::Object();
    for (const int status :
         {400, 401, 403, 404, 406, 408, 409, 412, 413, 415, 422, 429, 431, 500, 501, 503, 504}) {
      const ReasonWords* const words = FindReason(DefaultReason(status));
      Json answer =
          Object({{"description", Text(base::Cat(words->title, ". ", words->advice))},
                  {"content", Content("application/problem+json",
                                      Object({{"$ref", Text("#/components/schemas/Problem")}}))}});
      responses[base::Cat("Problem", status)] = std::move(answer);
    }
    Json schemas = schemas_.Take();
    schemas["Problem"] = ProblemSchema();
    Json token = Object({{"type", Text("http")},
                         {"scheme", Text("bearer")},
                         {"description", Text("An API token, cm_…; see apiTokens.")}});
    return Object({{"securitySchemes", Object({{"token", std::move(token)}})},
                   {"responses", std::move(responses)},
                   {"schemas", std::move(schemas)}});
  }

  const Contracts& contracts_;
  Schemas schemas_;
};

}  // namespace

std::string OpenApi(const Contracts& contracts) { return Document(contracts).Make().Print(); }

}  // namespace cleanmail::portal
