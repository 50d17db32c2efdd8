#include "format/json/jsonl.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/test_support.h"

namespace starnest {
namespace {

JsonRecord read_one(const std::string& line) {
  const TestFolder folder;
  auto records = read_jsonl(folder.write("log.jsonl", line + "\n"));
  EXPECT_EQ(records.size(), 1u);
  return std::move(records.at(0));
}

std::vector<JsonRecord> records_of(const std::string& text) {
  JsonlReader reader(LineReader::of_text(text, "data.json"));
  std::vector<JsonRecord> records;
  while (auto record = reader.next()) records.push_back(*std::move(record));
  return records;
}

TEST(Jsonl, ALineKeepsTheOrderOfItsKeys) {
  const std::string text = JsonLine()
                               .set("step", 3)
                               .set("loss", 0.1)
                               .set("name", "a\"b\n")
                               .set("done", false)
                               .set("by_size", JsonLine().set("30b", 2.5).set("12b", 3.0))
                               .set("big", uint64_t(-1))
                               .text();
  EXPECT_EQ(text, R"({"step":3,"loss":0.1,"name":"a\"b\n","done":false,"by_size":{"30b":2.5,"12b":3},)"
                  R"("big":18446744073709551615})");
}

TEST(Jsonl, ValuesReadBackAsTheyWere) {
  const std::vector<double> numbers{1, 0.25, -1e300};
  const std::vector<std::string> texts{"x", "é"};
  const std::vector<JsonLine> objects{JsonLine().set("i", 1), JsonLine().set("i", 2)};
  const JsonRecord record = read_one(JsonLine()
                                         .set("integer", int64_t{-9007199254740993})
                                         .set("number", 0.1 + 0.2)
                                         .set("float", 0.1f)
                                         .set("text", std::string("中\t"))
                                         .set("flag", true)
                                         .set("nan", std::nan(""))
                                         .set("inner", JsonLine().set("12b", 1.5))
                                         .set("numbers", numbers)
                                         .set("texts", texts)
                                         .set("objects", objects)
                                         .text());
  EXPECT_EQ(record.integer("integer"), -9007199254740993);
  EXPECT_EQ(record.number("number"), 0.1 + 0.2);
  EXPECT_EQ(float(record.number("float")), 0.1f);
  EXPECT_EQ(record.text("text"), "中\t");
  EXPECT_TRUE(record.flag("flag"));
  EXPECT_TRUE(std::isnan(record.number("nan")));
  EXPECT_EQ(record.object("inner").number("12b"), 1.5);
  EXPECT_EQ(record.numbers("numbers"), numbers);
  EXPECT_EQ(record.texts("texts"), texts);
  EXPECT_EQ(record.objects("objects").at(1).integer("i"), 2);
  EXPECT_EQ(record.keys().front(), "integer");
  EXPECT_EQ(record.keys().size(), 10u);
}

TEST(Jsonl, AbsentKeysAreFoundAsNothing) {
  const JsonRecord record = read_one(R"({"loss":1})");
  EXPECT_EQ(record.find_number("loss"), 1.0);
  EXPECT_EQ(record.find_integer("loss"), 1);
  EXPECT_FALSE(record.find_number("lost"));
  EXPECT_FALSE(record.find_text("lost"));
  EXPECT_FALSE(record.find_flag("lost"));
  EXPECT_FALSE(record.find_object("lost"));
  EXPECT_FALSE(record.has("lost"));
}

TEST(Jsonl, ErrorsNameFileLineAndKey) {
  const TestFolder folder;
  const auto path = folder.write("log.jsonl", "{\"loss\":1}\n\n{\"loss\":\"x\",\"in\":{\"a\":1.5}}\n");
  const auto records = read_jsonl(path);
  ASSERT_EQ(records.size(), 2u);
  expect_has(error_of([&] { records[0].number("los"); }), {"log.jsonl:1", "'los'", "'loss'"});
  expect_has(error_of([&] { records[1].number("loss"); }), {"log.jsonl:3", "'loss'", "expected a number, got a text"});
  expect_has(error_of([&] { records[1].object("in").integer("a"); }), {"log.jsonl:3: 'in'", "an integer"});
  expect_has(error_of([&] { records[1].objects("in"); }), {"an array, got an object"});
}

TEST(Jsonl, WrongLinesAreNamed) {
  const TestFolder folder;
  for (const char* line :
       {"{\"a\":1", "[1]", "3", "{\"a\":1,\"a\":2}", "{\"a\":{\"b\":1,\"b\":2}}", "{\"a\":\"\xff\"}", "{} x"}) {
    const auto path = folder.write("log.jsonl", std::string("{}\n") + line + "\n");
    expect_has(error_of([&] { read_jsonl(path); }), {"log.jsonl:2"});
  }
  expect_has(error_of([&] { records_of("{}\n{\"a\": \"\xed\xa0\xbd\"}\n"); }),
             {"data.json:2", "is not UTF-8 from byte 7"});
  const std::string deep = "{\"a\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}\n";
  expect_has(error_of([&] { read_jsonl(folder.write("deep", deep)); }), {"deep:1", "16 levels"});
  expect_has(error_of([&] { read_jsonl(folder / "none"); }), {"none", "cannot open"});
}

TEST(Jsonl, ALastLineThatWasCutOffEndsTheFile) {
  const TestFolder folder;
  JsonlReader cut(folder.write("cut", "{\"a\":1}\n{\"a\":"));
  EXPECT_TRUE(cut.next());
  EXPECT_FALSE(cut.next());
  EXPECT_TRUE(cut.cut_off());
  JsonlReader whole(folder.write("whole", "{\"a\":1}\n{\"a\":2}"));
  EXPECT_TRUE(whole.next());
  EXPECT_EQ(whole.next()->integer("a"), 2);
  EXPECT_FALSE(whole.next());
  EXPECT_FALSE(whole.cut_off());
}

TEST(Jsonl, NamesTellWhatAFileHolds) {
  for (const char* name : {"a.json", "a.jsonl", "a.ndjson", "b.JSON", "b.JsonL", "c/d.NDJSON"})
    EXPECT_TRUE(is_json_lines_name(name)) << name;
  for (const char* name : {"a.txt", "json", "a.json.gz", "a.jsonl/b"}) EXPECT_FALSE(is_json_lines_name(name)) << name;
}

TEST(Jsonl, MarksLineEndsAndBlankLinesAreNoText) {
  const auto records = records_of("\xef\xbb\xbf{\"a\":1}\r\n\r\n  \n{\"a\":2}\r\n\r\n");
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[1].integer("a"), 2);
  EXPECT_EQ(records[1].where(), "data.json:4");
}

TEST(Jsonl, AnArrayHoldsItsElements) {
  const auto records =
      records_of("\n [ {\"a\": \"],\\\"}\", \"b\": [[1], {}]},\n{\n\"a\": \"x\"\n}\n,{\"a\":\"\"} ] \n\n");
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0].text("a"), "],\"}");
  EXPECT_EQ(records[1].text("a"), "x");
  expect_has(error_of([&] { records[1].text("b"); }), {"data.json:3, element 2"});
  EXPECT_EQ(records_of("[]\n").size(), 0u);
  EXPECT_EQ(records_of("[{}]").size(), 1u);
}

TEST(Jsonl, ABrokenArrayIsNamedAndEnds) {
  const auto error = [](const std::string& text) { return error_of([&] { records_of(text); }); };
  expect_has(error("[{},\n{}"), {"data.json:2", "ends within the array"});
  expect_has(error("[{},\n{\"a\": \"b\n\"}]"), {"data.json:2", "a text that is not closed"});
  expect_has(error("[{}]\n{}"), {"data.json:2", "something after the array"});
  expect_has(error("[{} {}]"), {"data.json:1, element 1", "is not a JSON object"});
  expect_has(error("[{}, 3]"), {"data.json:1, element 2", "is not a JSON object"});
  expect_has(error("[{},,{}]"), {"data.json:1, element 2", "is not a JSON object"});
  expect_has(error("[}]"), {"data.json:1, element 1", "is not a JSON object"});
  JsonlReader reader(LineReader::of_text("[{}, 3, {}", "data.json"));
  EXPECT_TRUE(reader.next());
  EXPECT_THROW(reader.next(), Error);
  EXPECT_THROW(reader.next(), Error);
  EXPECT_FALSE(reader.next());
}

TEST(Jsonl, NumbersThatAreNoneAreRead) {
  const auto record = records_of("{\"a\": NaN, \"b\": [-Infinity, Infinity], \"c\": \"NaN\", \"t\": NaN}\n").at(0);
  EXPECT_TRUE(std::isnan(record.number("a")));
  EXPECT_EQ(record.numbers("b"), (std::vector<double>{-INFINITY, INFINITY}));
  EXPECT_EQ(record.text("c"), "NaN");
  expect_has(error_of([&] { record.text("t"); }), {"data.json:1", "'t'", "expected a text, got a number"});
}

TEST(Jsonl, HalvesOfSurrogatePairsAreReplaced) {
  const auto record =
      records_of(R"({"a": "x\ud83dy", "b": "\ud83d\ude00", "c": "\udc00", "d": "\\ud83d", "e": "\ud83d\ud83d\ude00"})")
          .at(0);
  EXPECT_EQ(record.text("a"), "x\xef\xbf\xbdy");
  EXPECT_EQ(record.text("b"), "\xf0\x9f\x98\x80");
  EXPECT_EQ(record.text("c"), "\xef\xbf\xbd");
  EXPECT_EQ(record.text("d"), "\\ud83d");
  EXPECT_EQ(record.text("e"), "\xef\xbf\xbd\xf0\x9f\x98\x80");
}

TEST(Jsonl, TextThatIsNotUtf8IsRepaired) {
  EXPECT_EQ(read_one(JsonLine().set("t", "a\xff\xc3").text()).text("t"), "a\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(JsonlWriter, EachLineIsInTheFileAtOnce) {
  const TestFolder folder;
  JsonlWriter writer(folder / "log.jsonl", JsonlWriter::Mode::replace);
  writer.write(JsonLine().set("step", 1));
  EXPECT_EQ(read_text(folder / "log.jsonl"), "{\"step\":1}\n");
  writer.write(JsonLine().set("step", 2));
  EXPECT_EQ(read_text(folder / "log.jsonl"), "{\"step\":1}\n{\"step\":2}\n");
}

TEST(JsonlWriter, AppendDropsOnlyAnUnfinishedLastLine) {
  const TestFolder folder;
  const std::string line = "{\"step\":1}\n";
  for (const std::string& rest : {std::string(), std::string("{\"st"), std::string(10'000, 'x')}) {
    const auto path = folder.write("log.jsonl", line + rest);
    JsonlWriter(path, JsonlWriter::Mode::append).write(JsonLine().set("step", 2));
    EXPECT_EQ(read_text(path), line + "{\"step\":2}\n");
  }
  const auto path = folder.write("log.jsonl", "no line end");
  JsonlWriter writer(path, JsonlWriter::Mode::append);
  EXPECT_EQ(read_text(path), "");
  EXPECT_NE(error_of([&] { JsonlWriter(path / "x", JsonlWriter::Mode::append); }).find("log.jsonl/x"),
            std::string::npos);
}

TEST(JsonlWriter, HasItsFileAloneAndEmptiesItOnlyThen) {
  const TestFolder folder;
  JsonlWriter first(folder / "new/log.jsonl", JsonlWriter::Mode::replace);
  first.write(JsonLine().set("step", 1));
  for (const auto mode : {JsonlWriter::Mode::replace, JsonlWriter::Mode::append})
    EXPECT_NE(
        error_of([&] { JsonlWriter(folder / "new/log.jsonl", mode); }).find("is being written by another process"),
        std::string::npos);
  EXPECT_EQ(read_text(folder / "new/log.jsonl"), "{\"step\":1}\n");
}

}  // namespace
}  // namespace starnest
