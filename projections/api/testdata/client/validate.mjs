// Is the document an OpenAPI 3.1 document, with all its references in place?
import SwaggerParser from "@apidevtools/swagger-parser";

const document = await SwaggerParser.validate(process.argv[2]);
console.log(`valid: OpenAPI ${document.openapi}, ${Object.keys(document.paths).length} paths`);
